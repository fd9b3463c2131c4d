// Programs that follow one device, ready to run elsewhere.
export interface SnippetIn {
  origin: string;
  device: string;
  point: string;
  token: string;
  listener?: { host: string; port: number } | undefined; // the gateway's own
  broker?: { url: string; topic: string } | undefined; // where the device itself publishes
}
const channel = (device: string) => `samples/${device}/#`;
const enc = encodeURIComponent;
// Text from outside goes into a program only quoted.
const js = (text: string) => JSON.stringify(text).replaceAll('<', '\\u003c');
const py = (text: string) => JSON.stringify(text);
const sh = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export const SNIPPETS: Record<string, (one: SnippetIn) => string> = {
  curl: ({ origin, device, token }) => `curl -N -H ${sh(`Authorization: Bearer ${token}`)} \\\n  ${sh(`${origin}/api/v1/stream?channel=${enc(channel(device))}`)}`,
  EventSource: ({ origin, device, token }) => `// npm install eventsource\nimport { EventSource } from 'eventsource';\n\nconst url = ${js(`${origin}/api/v1/stream?channel=${enc(channel(device))}`)};\nconst headers = { Authorization: ${js(`Bearer ${token}`)} };\nconst source = new EventSource(url, {\n  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),\n});\nsource.addEventListener('sample', (event) => {\n  const { d } = JSON.parse(event.data);\n  console.log(d.dev, d.pt, d.v, d.u ?? '');\n});`,
  Node: ({ origin, device, token }) => `// Node 20, nothing to install\nconst answer = await fetch(${js(`${origin}/api/v1/stream?channel=${enc(channel(device))}`)}, {\n  headers: { Authorization: ${js(`Bearer ${token}`)} },\n});\nif (!answer.ok) throw new Error(await answer.text());\nlet text = '';\nfor await (const part of answer.body.pipeThrough(new TextDecoderStream())) {\n  text += part;\n  for (let end; (end = text.indexOf('\\n\\n')) >= 0; text = text.slice(end + 2)) {\n    const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];\n    const event = data && JSON.parse(data);\n    if (event?.ev === 'sample') console.log(event.d.dev, event.d.pt, event.d.v, event.d.u ?? '');\n  }\n}`,
  Python: ({ origin, device, token }) => `# Python 3, nothing to install\nimport json\nimport urllib.request\n\nrequest = urllib.request.Request(\n    ${py(`${origin}/api/v1/stream?channel=${enc(channel(device))}`)},\n    headers={"Authorization": ${py(`Bearer ${token}`)}})\nwith urllib.request.urlopen(request) as stream:\n    for line in stream:\n        if line.startswith(b"data: "):\n            event = json.loads(line[6:])\n            if event["ev"] == "sample":\n                d = event["d"]\n                print(d["dev"], d["pt"], d["v"], d.get("u", ""), flush=True)`,
  MQTT: ({ device, token, listener, broker }) => {
    if (listener) return `# The user name is free, the password is the token.\nmosquitto_sub -h ${sh(listener.host)} -p ${listener.port} -u fogline -P ${sh(token)} \\\n  -t ${sh(`fogline/v1/${device}/#`)} -v`;
    if (!broker) return '';
    const { host, port, tls } = addressOf(broker.url);
    const words = ['# What the device itself publishes, from the broker it publishes to: no token, but the broker may ask for -u and -P.'];
    if (/^(127\.|localhost$|\[?::1)/.test(host)) words.push('# That broker runs on the gateway and may listen there only: run this on the gateway.');
    return `${words.join('\n')}\nmosquitto_sub -h ${sh(host)} -p ${port} ${tls ? '--capath /etc/ssl/certs ' : ''}-t ${sh(broker.topic)} -v`;
  },
};

function addressOf(url: string): { host: string; port: number; tls: boolean } {
  const [, scheme = 'mqtt', host = '', port = ''] = /^(\w+):\/\/(\[[^\]]*\]|[^:/]*)(?::(\d+))?/.exec(url) ?? [];
  const tls = scheme === 'mqtts' || scheme === 'ssl';
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) || (tls ? 8883 : 1883), tls };
}
