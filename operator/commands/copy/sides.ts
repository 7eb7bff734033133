import { Failure } from '../../terminal/failure.ts'

/** One side of a copy. */
type CopySide =
  | { readonly kind: 'container'; readonly word: string; readonly path: string }
  | { readonly kind: 'local'; readonly path: string }
  /** A tar archive on stdin or stdout. */
  | { readonly kind: 'stream' }

/** A copy whose sides are a container and something else. */
export type CopySides =
  | { readonly direction: 'out'; readonly container: ContainerSide; readonly local: LocalSide }
  | { readonly direction: 'in'; readonly container: ContainerSide; readonly local: LocalSide }

/** The side of a container. */
type ContainerSide = Extract<CopySide, { kind: 'container' }>

/** The side of this machine. */
type LocalSide = Exclude<CopySide, { kind: 'container' }>

/**
 * The sides that two words mean. What begins with `/` or `.` is a path here, also with a colon in
 * it. Throws `Failure` `usage`.
 */
export function sidesOf(from: string, to: string): CopySides {
  const [source, target] = [sideOf(from), sideOf(to)]
  if (source.kind === 'container' && target.kind !== 'container') {
    return { direction: 'out', container: source, local: target }
  }
  if (target.kind === 'container' && source.kind !== 'container') {
    return { direction: 'in', container: target, local: source }
  }
  const isNone = source.kind !== 'container'
  throw new Failure(2, 'usage', `${isNone ? 'no' : 'each'} side of the copy is a container`, {
    hint: isNone
      ? 'name one as SERVICE:PATH, as in: covey cp shop/web:/etc/hosts .'
      : 'copy to this machine first, and from here to the other',
  })
}

function sideOf(text: string): CopySide {
  if (text === '-') return { kind: 'stream' }
  const at = text.indexOf(':')
  if (/^[./]/.test(text) || at < 0) {
    if (text !== '') return { kind: 'local', path: text }
    throw new Failure(2, 'usage', 'a path is empty', { hint: 'covey cp shop/web:/etc/hosts .' })
  }
  const [word, path] = [text.slice(0, at), text.slice(at + 1)]
  if (word !== '' && path !== '') return { kind: 'container', word, path }
  throw new Failure(2, 'usage', `${JSON.stringify(text)} is not SERVICE:PATH`, {
    hint: 'a local path with a colon begins with ./',
  })
}

/** True for a path that means the content of a folder, and not the folder. */
export function meansContent(path: string): boolean {
  return path === '.' || path.endsWith('/.') || /^\/+$/.test(path)
}

/** The last name of a path; empty where it has none. */
export function lastName(path: string): string {
  return path.split('/').findLast((part) => part !== '' && part !== '.') ?? ''
}
