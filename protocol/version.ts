/** The version of covey, as `package.json` has it; a test keeps the two together. */
export const coveyVersion: string = '0.2.0'
