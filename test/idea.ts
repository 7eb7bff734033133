/** The config of the idea that covey started from, as it stands there. */
export const ideaConfig: { readonly hosts: Readonly<Record<string, object>> } = {
  hosts: {
    cloud01: {
      wg_network: {
        type: 'wireguard_network',
        link_name: 'wg_cluster',
        address: '10.69.0.1/16',
      },
      peer_local01: {
        type: 'wireguard_peer',
        network: 'wg_network',
        allowed_ips: ['10.69.1.0/24'],
      },
    },
  },
}
