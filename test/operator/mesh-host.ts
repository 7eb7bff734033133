/** The section of a host of a mesh: `wg`, `mesh`, and `pods` for its containers. */
export function meshHost(number: number): Record<string, Record<string, unknown>> {
  return {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: `10.69.0.${number}/16`,
      public_key: `${String.fromCharCode(64 + number).repeat(42)}A=`,
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    pods: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
  }
}
