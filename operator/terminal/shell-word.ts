/**
 * A path or a name as one word of a shell, so that a line with it can be copied (POSIX, Shell
 * Command Language, 2.2.2): as it is where nothing in it means anything to a shell.
 */
export function shellWord(text: string): string {
  // A word that begins with a hyphen would be an option.
  if (text.startsWith('-')) return shellWord(`./${text}`)
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  return `'${text.replaceAll("'", "'\\''")}'`
}
