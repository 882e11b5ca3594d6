/** What a server answers before the body. */
export interface ReplyHead {
  /** Where the reply came from, after redirects. */
  readonly url: URL
  readonly status: number
  /**
   * A header's value by its lower-case name, without the blanks around it (RFC 9110, 5.5); undefined where there is none,
   * refused where there are several.
   */
  header(name: string): string | undefined
}
