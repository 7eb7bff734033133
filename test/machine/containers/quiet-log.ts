import type { Log } from '../../../reconcilers/reconciler.ts'

/** A log that nobody reads. */
export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
