import { composeFileBytesMax, composeFilesMax, composeLoadsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Place, ReadFile } from '../project.ts'
import type { Report } from '../report.ts'
import { parseTrees } from '../yaml/parse-tree.ts'
import type { Mapping } from '../yaml/tree.ts'

/** Reads the files of a project, each once, and says what is wrong with them. */
export class ProjectFiles {
  readonly #read: ReadFile
  readonly #report: Report
  readonly #texts = new Map<string, string | undefined>()
  readonly #failed = new Set<string>()
  #loads = 0
  readonly #trees = new Map<string, readonly Mapping[]>()

  constructor(read: ReadFile, report: Report) {
    this.#read = read
    this.#report = report
  }

  /**
   * The text of a file; undefined where there is none. One that cannot be read is a fault at the
   * place that names it, and then undefined too.
   */
  async text(path: string, place: Place): Promise<string | undefined> {
    if (this.#texts.has(path)) return this.#texts.get(path)
    const text = await this.#readOnce(path, place)
    this.#texts.set(path, text)
    return text
  }

  /** The documents of a Compose file; none, and a fault at the place, where it cannot be read. */
  async trees(path: string, place: Place): Promise<readonly Mapping[]> {
    this.#loads += 1
    if (this.#loads > composeLoadsMax) {
      const message = `include and extends name files more than ${composeLoadsMax} times`
      if (this.#loads === composeLoadsMax + 1) {
        this.#report.fault(place, { code: 'compose-too-large', message })
      }
      return []
    }
    const before = this.#trees.get(path)
    if (before !== undefined) return before
    const text = await this.text(path, place)
    if (text === undefined) this.missing(path, place)
    const trees = text === undefined ? [] : parseTrees(path, text, this.#report)
    this.#trees.set(path, trees)
    return trees
  }

  /** Says that a file is not there, unless something else was said of it. */
  missing(path: string, place: Place): void {
    if (this.#failed.has(path)) return
    this.#report.fault(place, { code: 'compose-file', message: `there is no file ${path}` })
  }

  async #readOnce(path: string, place: Place): Promise<string | undefined> {
    const fault = (message: string): undefined => {
      this.#failed.add(path)
      this.#report.fault(place, { code: 'compose-file', message })
      return undefined
    }
    if (this.#texts.size >= composeFilesMax) {
      return fault(`a project has at most ${composeFilesMax} files`)
    }
    try {
      const text = await this.#read(path)
      if (text === undefined || text.length <= composeFileBytesMax) return text
      return fault(`${path} is larger than ${composeFileBytesMax / 2 ** 20} MiB`)
    } catch (error) {
      if (error instanceof Failure) return fault(error.message)
      throw error
    }
  }
}
