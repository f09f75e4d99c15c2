// The file /etc/docker/daemon.json and the options of dockerd: whether a proxy holds the ports of containers.

/** Whether the options say that ports are held by a proxy; undefined is unsaid, and Docker then has one. */
export function userlandProxyOf(command: string): boolean | undefined {
  const value = [...command.matchAll(/(?:^|\s)--userland-proxy(?:=(\S*))?(?!\S)/g)].at(-1);
  if (!value) return undefined;
  return !/^(?:false|f|0)$/i.test(value[1] ?? 'true');
}

/** What the file says of it; undefined is unsaid, also where the file is not JSON: dockerd does not start with that. */
export function userlandProxyIn(text: string): boolean | undefined {
  const value = fieldsOf(text)['userland-proxy'];
  return typeof value === 'boolean' ? value : undefined;
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
