/**
 * A fault: message, position and stable code. Data, so that it can travel; see `CoveyError`.
 */
export interface Fault {
  /** Stable, kebab-case; scripts depend on it. */
  readonly code: string
  /** One sentence without a full stop. */
  readonly message: string
  /**
   * Path, such as `hosts.cloud01.wg_network.address`; absent if the whole document is meant.
   */
  readonly path?: string
}

/** Either a value or the fault that kept it from being one. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault }

/** A good result. */
export function good<T>(value: T): Checked<T> {
  return { ok: true, value }
}

/** A refusal: `code` is stable, `message` one sentence, `path` the place in the document. */
export function bad(code: string, message: string, path?: string): { ok: false; fault: Fault } {
  return { ok: false, fault: path === undefined ? { code, message } : { code, message, path } }
}

/** One line for people: the path, where there is one, then the message. */
export function faultText(fault: Fault): string {
  return fault.path === undefined ? fault.message : `${fault.path}: ${fault.message}`
}

/** An error that a person is meant to read. `hint` says what to do next. */
export class CoveyError extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'CoveyError'
    this.code = code
    this.hint = options.hint
  }
}
