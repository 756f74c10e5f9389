// A task as the command that hands it in.

import { shellQuote } from './format.ts'

/** The command that posts body to this server. A server that wants a token gets it from the environment. */
export function curl(origin: string, body: string, token: boolean): string {
  return [
    `curl -X POST ${shellQuote(`${origin}/api/v1/tasks`)}`,
    "-H 'Content-Type: application/json'",
    ...(token ? ['-H "Authorization: Bearer $WINDLASS_TOKEN"'] : []),
    `-d ${shellQuote(body)}`,
  ].join(' \\\n  ')
}
