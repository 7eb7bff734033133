import { posix } from 'node:path'
import { importsOf, targetOf } from './imports.ts'
import { type Rule, sources } from './tree.ts'

interface Arrow {
  readonly to: string
  readonly line: number
}

type Arrows = ReadonlyMap<string, readonly Arrow[]>

/** Groups of files that all reach each other by imports, alone ones left out (Tarjan 1972). */
function circlesOf(arrows: Arrows): readonly (readonly string[])[] {
  const circles: string[][] = []
  const numbers = new Map<string, number>()
  const stack: string[] = []
  const visit = (path: string): number => {
    const number = numbers.size
    numbers.set(path, number)
    stack.push(path)
    let lowest = number
    for (const { to } of arrows.get(path) ?? []) {
      if (!numbers.has(to)) lowest = Math.min(lowest, visit(to))
      else if (stack.includes(to)) lowest = Math.min(lowest, numbers.get(to) ?? number)
    }
    if (lowest < number) return lowest
    const circle = stack.splice(stack.indexOf(path))
    if (circle.length > 1) circles.push(circle.sort())
    return lowest
  }
  for (const path of arrows.keys()) if (!numbers.has(path)) visit(path)
  return circles
}

/**
 * No circle of imports leads through more than one folder, types included: a folder can be read
 * without those that use it. One finding a circle, at an import that leaves its folder.
 */
export const noCircles: Rule = (tree) => {
  const arrows: Arrows = new Map(
    sources(tree).map((source) => [
      source.path,
      importsOf(source).flatMap(({ specifier, line }) => {
        const to = targetOf(source.path, specifier)
        return to === null ? [] : [{ to, line }]
      }),
    ]),
  )
  return circlesOf(arrows).flatMap((circle) => {
    for (const path of circle) {
      for (const { to, line } of arrows.get(path) ?? []) {
        if (!circle.includes(to) || posix.dirname(to) === posix.dirname(path)) continue
        const message = `imports ${to}, which leads back here: ${circle.join(', ')}`
        return [{ path, line, message }]
      }
    }
    return []
  })
}
