/**
 * Containers with a user namespace have the ids from 0 up to here, as images and accounts use them.
 */
export const mappedIds: number = 0x10000

/**
 * The id of the host that root of such a container is; those after it follow. One range for all
 * containers of all hosts, which nobody else hands out: above the ranges of systemd (up to
 * 1,879,048,191) and of useradd(8) in /etc/subuid (up to 600,100,000), and below 2^31, where tools
 * take ids for negative numbers.
 */
export const mappedIdBase: number = 0x7700_0000
