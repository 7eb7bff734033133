/** Tells what Compose would fetch from elsewhere: git, OCI artifacts, the web. */
export function isRemote(path: string): boolean {
  return /^([a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)|\.git(#|$)/.test(path)
}
