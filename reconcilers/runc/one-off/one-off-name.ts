/** No object has a name with this in it, so no name of these is taken for another. */
const mark = '+run'

/** Name of a container that is made beside that of an object, as `shop-web+run1`. */
export function oneOffName(object: string, number: number): string {
  return `${object}${mark}${number}`
}

/** True for the name of a container that no config has, and that no round touches. */
export function isOneOff(object: string): boolean {
  return object.includes(mark)
}
