/** The treatment of a key of a Compose file. */
export type KeyRule =
  | { readonly kind: 'supported' }
  /** Accepted, and told once a project with the reason. */
  | { readonly kind: 'no-effect'; readonly reason: string }
  /** A fault that says what to use instead. */
  | { readonly kind: 'refused'; readonly instead: string }

/** `*` stands for names that the file chooses, `[]` for the items of a list. */
const supported = `
name include
include[].path include[].project_directory include[].env_file
services networks volumes configs secrets
services.*.cap_add services.*.cap_drop services.*.command services.*.container_name
services.*.configs services.*.configs[].source services.*.configs[].target
services.*.configs[].uid services.*.configs[].gid services.*.configs[].mode
services.*.cpu_period services.*.cpu_quota services.*.cpus
services.*.depends_on services.*.depends_on.*.condition services.*.depends_on.*.required
services.*.depends_on.*.restart
services.*.deploy services.*.deploy.mode services.*.deploy.replicas services.*.deploy.labels
services.*.deploy.placement services.*.deploy.placement.constraints
services.*.deploy.resources services.*.deploy.resources.limits
services.*.deploy.resources.limits.cpus services.*.deploy.resources.limits.memory
services.*.deploy.resources.limits.pids services.*.deploy.resources.reservations
services.*.deploy.resources.reservations.devices
services.*.deploy.resources.reservations.devices[].capabilities
services.*.deploy.restart_policy services.*.deploy.restart_policy.condition
services.*.deploy.update_config services.*.deploy.update_config.order
services.*.devices services.*.devices[].source services.*.devices[].target
services.*.devices[].permissions
services.*.dns services.*.dns_opt services.*.dns_search services.*.domainname
services.*.entrypoint services.*.env_file services.*.env_file[].path
services.*.env_file[].required services.*.env_file[].format services.*.environment
services.*.expose services.*.extends services.*.extends.service services.*.extends.file
services.*.extra_hosts services.*.gpus services.*.gpus[].capabilities services.*.group_add
services.*.healthcheck services.*.healthcheck.disable services.*.healthcheck.interval
services.*.healthcheck.retries services.*.healthcheck.start_interval
services.*.healthcheck.start_period services.*.healthcheck.test services.*.healthcheck.timeout
services.*.hostname services.*.image services.*.init services.*.labels services.*.label_file
services.*.links services.*.mem_limit services.*.memswap_limit services.*.network_mode
services.*.networks services.*.networks.*.aliases
services.*.pid services.*.pids_limit services.*.platform
services.*.ports services.*.ports[].target services.*.ports[].published
services.*.ports[].host_ip services.*.ports[].protocol
services.*.privileged services.*.profiles services.*.read_only services.*.restart
services.*.runtime services.*.scale
services.*.secrets services.*.secrets[].source services.*.secrets[].target
services.*.secrets[].uid services.*.secrets[].gid services.*.secrets[].mode
services.*.security_opt services.*.shm_size services.*.stdin_open services.*.stop_grace_period
services.*.stop_signal services.*.sysctls services.*.tmpfs services.*.tty
services.*.ulimits services.*.ulimits.*.soft services.*.ulimits.*.hard services.*.user
services.*.volumes services.*.volumes[].type services.*.volumes[].source
services.*.volumes[].target services.*.volumes[].read_only services.*.volumes[].bind
services.*.volumes[].bind.create_host_path services.*.volumes[].volume
services.*.volumes[].volume.nocopy services.*.volumes[].volume.subpath
services.*.volumes[].tmpfs services.*.volumes[].tmpfs.size services.*.volumes[].tmpfs.mode
services.*.volumes_from services.*.working_dir
networks.*.name networks.*.driver networks.*.external networks.*.external.name
networks.*.internal
volumes.*.name volumes.*.driver volumes.*.driver_opts volumes.*.external
volumes.*.external.name
configs.*.name configs.*.content configs.*.environment configs.*.file configs.*.external
configs.*.external.name
secrets.*.name secrets.*.environment secrets.*.file secrets.*.external secrets.*.external.name
`

const noEffect: Readonly<Record<string, string>> = {
  version: 'it is obsolete in Compose too',
  'services.*.annotations': 'nothing reads them here',
  'services.*.attach': '"covey logs" chooses what it shows',
  'services.*.blkio_config': 'covey does not weigh disks',
  'services.*.cgroup': 'each container has a control group of its own',
  'services.*.cgroup_parent': 'covey places its control groups itself',
  'services.*.cpu_count': 'it is for Windows',
  'services.*.cpu_percent': 'it is for Windows',
  'services.*.cpu_shares': 'covey limits processors, and does not weigh them: use cpus',
  'services.*.cpuset': 'covey limits processors, and does not choose them: use cpus',
  'services.*.deploy.endpoint_mode': 'a service is found by its name and by its replicas',
  'services.*.deploy.placement.max_replicas_per_node': 'covey spreads replicas evenly',
  'services.*.deploy.placement.preferences': 'covey spreads replicas evenly',
  'services.*.deploy.resources.reservations.cpus': 'covey limits, and reserves nothing',
  'services.*.deploy.resources.reservations.memory': 'covey limits, and reserves nothing',
  'services.*.deploy.resources.reservations.generic_resources':
    'covey limits, and reserves nothing',
  'services.*.deploy.resources.reservations.devices[].count': 'a container gets all GPUs or none',
  'services.*.deploy.resources.reservations.devices[].device_ids':
    'a container gets all GPUs or none',
  'services.*.deploy.resources.reservations.devices[].driver': 'the host knows its driver',
  'services.*.deploy.resources.reservations.devices[].options': 'the host knows its driver',
  'services.*.deploy.restart_policy.delay': 'covey waits longer after each failure',
  'services.*.deploy.restart_policy.max_attempts': 'covey waits longer after each failure',
  'services.*.deploy.restart_policy.window': 'covey waits longer after each failure',
  'services.*.deploy.rollback_config': 'a failed release stops: see "covey rollback"',
  'services.*.deploy.update_config.delay': 'the next host follows when the service is healthy',
  'services.*.deploy.update_config.failure_action': 'a failed release always stops',
  'services.*.deploy.update_config.max_failure_ratio': 'a failed release always stops',
  'services.*.deploy.update_config.monitor': 'the next host follows when the service is healthy',
  'services.*.deploy.update_config.parallelism': 'replicas go host by host',
  'services.*.develop': 'it is for "docker compose watch"',
  'services.*.gpus[].count': 'a container gets all GPUs or none',
  'services.*.gpus[].device_ids': 'a container gets all GPUs or none',
  'services.*.gpus[].driver': 'the host knows its driver',
  'services.*.gpus[].options': 'the host knows its driver',
  'services.*.ipc': 'each container has shared memory of its own',
  'services.*.isolation': 'it is for Windows',
  'services.*.logging': '"covey logs" keeps the logs, and bounds them',
  'services.*.mac_address': 'containers are reached by address',
  'services.*.mem_reservation': 'covey limits, and reserves nothing',
  'services.*.mem_swappiness': 'cgroup v2 has no such setting',
  'services.*.networks.*.driver_opts': 'covey has one kind of network',
  'services.*.networks.*.gw_priority': 'a container has one way out',
  'services.*.networks.*.interface_name': 'a container has one interface',
  'services.*.networks.*.ipv4_address': 'covey gives the address: others find the service by name',
  'services.*.networks.*.ipv6_address': 'covey gives the address: others find the service by name',
  'services.*.networks.*.link_local_ips': 'covey gives the address',
  'services.*.networks.*.mac_address': 'containers are reached by address',
  'services.*.networks.*.priority': 'a container has one interface',
  'services.*.oom_kill_disable': 'cgroup v2 has no such setting',
  'services.*.oom_score_adj': 'covey sets it, so that the host survives',
  'services.*.ports[].app_protocol': 'it is for other programs to read',
  'services.*.ports[].mode': 'a port is published where the service runs',
  'services.*.ports[].name': 'it is for other programs to read',
  'services.*.pull_policy': 'images are pinned: "covey pull" looks for newer ones',
  'services.*.pull_refresh_after': 'images are pinned: "covey pull" looks for newer ones',
  'services.*.storage_opt': 'covey bounds no layer of a container: use a volume',
  'services.*.userns_mode': 'covey decides it from volumes and devices',
  'services.*.volumes[].bind.propagation': 'mounts made later do not pass on',
  'services.*.volumes[].bind.recursive': 'what is mounted below comes along',
  'services.*.volumes[].bind.selinux': 'covey does not label files',
  'services.*.volumes[].consistency': 'it is for Docker Desktop',
  'services.*.volumes[].volume.labels': 'nothing reads them here',
  'networks.*.attachable': 'it is for swarms',
  'networks.*.driver_opts': 'covey has one kind of network',
  'networks.*.enable_ipv4': 'the layout says what families there are',
  'networks.*.enable_ipv6': 'the layout says what families there are',
  'networks.*.ipam': 'covey allots the addresses',
  'networks.*.labels': 'nothing reads them here',
  'volumes.*.labels': 'nothing reads them here',
  'configs.*.labels': 'nothing reads them here',
  'secrets.*.labels': 'nothing reads them here',
}

const refused: Readonly<Record<string, string>> = {
  models: 'run the model as a service with an image',
  'services.*.build':
    'build the image elsewhere and name it: docker build -t REGISTRY/NAME . && docker push REGISTRY/NAME',
  'services.*.cpu_rt_period': 'leave it out: covey gives no real-time processor time; use cpus',
  'services.*.cpu_rt_runtime': 'leave it out: covey gives no real-time processor time; use cpus',
  'services.*.credential_spec': 'leave it out: it is for Windows',
  'services.*.device_cgroup_rules': 'name each device under "devices"',
  'services.*.external_links': 'name a service of another stack as NAME.STACK',
  'services.*.models': 'run the model as a service with an image',
  'services.*.post_start': 'run it in a service of its own that depends on this one',
  'services.*.pre_start':
    'run it in a service with restart: "no", and wait for it: service_completed_successfully',
  'services.*.pre_stop': 'let the program do it when it is sent its stop_signal',
  'services.*.provider': 'run it as a service with an image',
  'services.*.use_api_socket': 'drop it: there is no engine whose socket could be used',
  'services.*.uts': 'set "hostname" instead',
  'services.*.volumes[].image': 'copy the files into a volume, or into the image',
  'configs.*.template_driver': 'write the content out, with variables of Compose in it',
  'secrets.*.driver': 'use "file" or "environment", or a secret of cluster.yaml with "external"',
  'secrets.*.driver_opts':
    'use "file" or "environment", or a secret of cluster.yaml with "external"',
  'secrets.*.template_driver': 'write the content out',
}

/** Each key of the Compose Specification by its path. */
export const composeKeys: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ...supported
    .split(/\s+/)
    .filter((path) => path !== '')
    .map((path) => [path, { kind: 'supported' }] as const),
  ...Object.entries(noEffect).map(
    ([path, reason]) => [path, { kind: 'no-effect', reason }] as const,
  ),
  ...Object.entries(refused).map(
    ([path, instead]) => [path, { kind: 'refused', instead }] as const,
  ),
])
