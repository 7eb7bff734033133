/** A command written as one text, in words. */
export interface CommandWords {
  readonly words: readonly string[]
  /** Where Compose stops reading: at one of `; & | < >` outside of quotes. */
  readonly cut: string | undefined
}

/**
 * Splits a command as Compose's implementation does: quotes and backslashes as in a shell, but
 * `$(…)` and backquotes stay one word, and all from `;`, `&`, `|`, `<` or `>` on is left out.
 * Undefined where a quote or bracket is not closed.
 */
export function splitCommand(line: string): CommandWords | undefined {
  const splitter = new Splitter()
  for (const char of line) {
    const cut = splitter.take(char)
    if (cut === 'invalid') return undefined
    if (cut === 'end') return splitter.end(char)
  }
  return splitter.end(undefined)
}

class Splitter {
  readonly #words: string[] = []
  #word = ''
  #hasWord = false
  #isEscaped = false
  #quote: '' | '"' | "'" | '`' | '(' = ''

  take(char: string): 'on' | 'end' | 'invalid' {
    if (this.#isEscaped) {
      this.#isEscaped = false
      return this.#add(char === 't' ? '\t' : char === 'n' ? '\n' : char)
    }
    if (char === '\\') {
      if (this.#quote === "'") this.#word += char
      else this.#isEscaped = true
      return 'on'
    }
    if (' \t\r\n'.includes(char)) return this.#blank(char)
    if (char === '"' || char === "'") return this.#quoteSign(char)
    if (char === '`' && (this.#quote === '' || this.#quote === '`')) {
      this.#quote = this.#quote === '' ? '`' : ''
      return this.#add(char)
    }
    if (char === '(' || char === ')') return this.#bracket(char)
    if (this.#quote === '' && ';&|<>'.includes(char)) {
      // The number before a redirection goes with it: `2>`.
      if (char === '>' && /^[0-9]/.test(this.#word)) this.#hasWord = false
      return 'end'
    }
    return this.#add(char)
  }

  end(cut: string | undefined): CommandWords | undefined {
    if (this.#hasWord) this.#words.push(this.#word)
    return this.#quote === '' && !this.#isEscaped ? { words: this.#words, cut } : undefined
  }

  #add(char: string): 'on' {
    this.#word += char
    this.#hasWord = true
    return 'on'
  }

  #blank(char: string): 'on' {
    if (this.#quote !== '') this.#word += char
    else if (this.#hasWord) {
      this.#words.push(this.#word)
      this.#word = ''
      this.#hasWord = false
    }
    return 'on'
  }

  #quoteSign(char: '"' | "'"): 'on' {
    if (this.#quote === char) {
      this.#quote = ''
      this.#hasWord = true
      return 'on'
    }
    if (this.#quote !== '') return this.#add(char)
    this.#quote = char
    return 'on'
  }

  #bracket(char: '(' | ')'): 'on' | 'invalid' {
    if (this.#quote !== '' && this.#quote !== '(') return this.#add(char)
    if (char === ')') {
      if (this.#quote === '') return 'invalid'
      this.#quote = ''
      return this.#add(char)
    }
    if (this.#quote !== '' || !this.#word.endsWith('$')) return 'invalid'
    this.#quote = '('
    return this.#add(char)
  }
}
