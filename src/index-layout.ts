/** The stat data that an entry of a git index begins with (gitformat-index(5)); the object's id follows. */
export const STAT_BYTES = 40

/** Where in them the entry's mode is. */
export const MODE_AT = 24
