/** As Promise.all, but settles only when all have: what fails leaves nothing running behind it. */
export async function together<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  try {
    return await Promise.all([first, second])
  } finally {
    await Promise.allSettled([first, second])
  }
}
