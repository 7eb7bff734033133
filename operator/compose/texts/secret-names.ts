const secretName =
  /(^|[_.-])(pass|passwd|passwords?|passphrase|pw|pwd|secrets?|tokens?|credentials?|creds|salt|pepper|seed|hmac|jwt|dsn|htpasswd)([_.-]|\d*$)|(api|app|auth|access|private|secret|encryption|encrypt|encode|signing|sign|master|session|cookie|license|admin|root|service|webhook|crypt|hash|oauth|client|storage|account|jwt)_?-?key(s|_?base|\d+)?([_.-]|$)|password|passwd|secret|apikey/i
const harmless = /^(|true|false|yes|no|on|off|none|null|\d{1,3})$/i
const namesFile =
  /[_.-](files?|paths?|dir|url_prefix|length|size|ttl|expir\w*|lifetime|timeout|min|max|policy|enabled?|disabled?|header|name|type|algorithm|hint)$/i
const urlWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i

/**
 * Tells a value that should be treated as a secret though it stands in the file: by its name
 * (`DB_PASSWORD`, `API_KEY`; not `PASSWORD_FILE`), or because it is a URL with a password.
 */
export function looksSecret(name: string, value: string): boolean {
  if (urlWithPassword.test(value)) return true
  return !harmless.test(value) && secretName.test(name) && !namesFile.test(name)
}

/** Which words of a command look like secrets: `--password=x`, and what follows `--requirepass`. */
export function secretWords(words: readonly string[]): readonly boolean[] {
  return words.map((word, at) => {
    const [, option = '', value = ''] = /^(?:--?)?([A-Za-z][\w.-]*)=(.*)$/s.exec(word) ?? []
    if (option !== '' && looksSecret(option, value)) return true
    const [, before = ''] = /^--?([A-Za-z][\w.-]*)$/.exec(words[at - 1] ?? '') ?? []
    const isOption = word.startsWith('-')
    if (before !== '' && !isOption && looksSecret(before.replace(/pass$/, '_pass'), word))
      return true
    return looksSecret('', word)
  })
}
