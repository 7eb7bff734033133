import { composeDepthMax } from '../../limits.ts'
import type { Report } from '../report.ts'
import { pathIn } from '../texts/paths.ts'
import { originText } from '../variables/scope.ts'
import {
  type Entry,
  isNothing,
  type Leaf,
  type Mapping,
  mapOf,
  memberOf,
  type Tree,
} from '../yaml/tree.ts'
import { type Loading, loadBases } from './load.ts'
import { mergeTrees, settle } from './merge.ts'
import { isRemote } from './remote.ts'

/** The services among which names are looked up, and the file that they stand in. */
interface Bases {
  readonly file: string
  readonly services: Mapping | undefined
  readonly done: Map<string, Tree | undefined>
}

/** Merges each service over the one that it extends, of the same file or of another. */
export async function applyExtends(
  loading: Loading,
  document: Mapping,
  file: string,
): Promise<Mapping> {
  const services = document.entries.get('services')
  if (services?.value.kind !== 'map') return document
  const extending = new Extending(loading)
  const bases = extending.basesOf(file, services.value)
  const entries = new Map<string, Entry>()
  for (const [name, entry] of services.value.entries) {
    const value = (await extending.service(bases, name, [])) ?? entry.value
    entries.set(name, { keyPlace: entry.keyPlace, value })
  }
  const value = mapOf(services.value.place, entries, services.value.mark)
  const all = new Map(document.entries).set('services', { keyPlace: services.keyPlace, value })
  return mapOf(document.place, all, document.mark)
}

interface Extension {
  readonly service: Leaf
  readonly file: Leaf | undefined
}

class Extending {
  readonly #loading: Loading
  readonly #files = new Map<string, Bases>()

  constructor(loading: Loading) {
    this.#loading = loading
  }

  basesOf(file: string, services: Tree | undefined): Bases {
    return { file, services: services?.kind === 'map' ? services : undefined, done: new Map() }
  }

  /** A service with all that it extends; `chain` is what leads here. */
  async service(bases: Bases, name: string, chain: readonly string[]): Promise<Tree | undefined> {
    if (bases.done.has(name)) return bases.done.get(name)
    const written = bases.services?.entries.get(name)?.value
    const extension = memberOf(written, 'extends')
    if (written?.kind !== 'map' || extension === undefined || isNothing(extension)) return written
    const entries = new Map(written.entries)
    entries.delete('extends')
    const own = mapOf(written.place, entries, written.mark)
    const base = await this.#base(bases, name, extension, chain)
    const report = this.#loading.report
    const made =
      base === undefined || isNothing(base)
        ? own
        : mergeTrees(settle(base), { ...own, mark: undefined }, ['services', name], report)
    const whole = { ...made, mark: written.mark }
    bases.done.set(name, whole)
    return whole
  }

  async #base(
    bases: Bases,
    name: string,
    written: Tree,
    chain: readonly string[],
  ): Promise<Tree | undefined> {
    const { report } = this.#loading
    const path = `services.${name}.extends`
    const extension = readExtension(written, path, report)
    if (extension === undefined) return undefined
    const { service, file } = extension
    const link = `${name} of ${bases.file}`
    if (chain.length >= composeDepthMax) {
      const message = `extends a service that extends another, and so on more than ${composeDepthMax} times`
      report.fault(service.place, { code: 'compose-too-large', message, path })
      return undefined
    }
    if (chain.includes(link)) {
      const round = [...chain.slice(chain.indexOf(link)), link].join(', which extends ')
      report.fault(service.place, {
        code: 'compose-loop',
        message: `extends itself: ${round}`,
        path,
      })
      return undefined
    }
    const others = file === undefined ? bases : await this.#other(file, path)
    if (others === undefined) return undefined
    if (others.services?.entries.has(service.text) !== true) {
      const message = `there is no service ${service.text} in ${others.file}${originText(service.variables)}`
      report.fault(service.place, { code: 'compose-missing', message, path })
      return undefined
    }
    return this.service(others, service.text, [...chain, link])
  }

  async #other(file: Leaf, path: string): Promise<Bases | undefined> {
    const { home } = file
    if (home === undefined) return undefined
    if (isRemote(file.text)) {
      const message = 'covey reads files of this machine only: copy it here, and name the copy'
      this.#loading.report.fault(file.place, { code: 'compose-refused', message, path })
      return undefined
    }
    const target = pathIn(home.folder, file.text)
    const before = this.#files.get(target)
    if (before !== undefined) return before
    const found = (await this.#loading.files.text(target, file.place)) !== undefined
    const loaded = await loadBases(this.#loading, target, home, file.place)
    if (!found) return undefined
    const bases = this.basesOf(target, memberOf(loaded, 'services'))
    this.#files.set(target, bases)
    return bases
  }
}

function readExtension(written: Tree, path: string, report: Report): Extension | undefined {
  const service = written.kind === 'leaf' ? written : memberOf(written, 'service')
  const file = written.kind === 'map' ? memberOf(written, 'file') : undefined
  if (service?.kind !== 'leaf' || service.text === '') {
    const message = 'must name a service: "extends: NAME" or "extends: {service: NAME, file: FILE}"'
    report.fault(written.place, { code: 'compose-value', message, path })
    return undefined
  }
  if (file !== undefined && file.kind !== 'leaf') {
    report.fault(file.place, {
      code: 'compose-value',
      message: 'must be one path',
      path: `${path}.file`,
    })
    return undefined
  }
  return { service, file: file === undefined || isNothing(file) ? undefined : file }
}
