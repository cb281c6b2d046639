/** A program for Python with the official SDK. */

import { literal, python, text } from './literal.js';
import { planOf } from './plan.js';

/** @typedef {import('./plan.js').Plan} Plan */

/**
 * @param {import('../settings.js').SharedSettings} settings
 * @param {import('./plan.js').Place} place
 * @returns {string}
 */
export function pythonCode(settings, place) {
  const plan = planOf(settings, place);
  const { isBeta, servers, deltas } = plan;
  return `${usage(plan)}
import asyncio
import json
import os
${plan.acceptsCertificate ? 'import ssl\n' : ''}import sys

from openai import AsyncOpenAI

question = sys.argv[1] if len(sys.argv) > 1 else "What can you do?"

session = ${literal(plan.session, python)}

# Functions that the model can call, by name. Each gets its arguments by keyword.
functions = {}

client = AsyncOpenAI(
    api_key=${plan.requiresKey ? 'os.environ["PARLEY_API_KEY"]' : 'os.environ.get("PARLEY_API_KEY", "any")'},
    base_url=${text(plan.base.href)},${isBeta ? `\n    # The beta socket ignores the scheme of base_url.\n    websocket_base_url=${text(plan.base.href.replace('http', 'ws'))},` : ''}
)


def run(name: str, arguments: str) -> str:
    try:
        output = functions[name](**json.loads(arguments))
        return output if isinstance(output, str) else json.dumps(output)
    except Exception as error:
        return json.dumps({"error": repr(error)})


async def ask(connection) -> None:
    content = [{"type": "input_text", "text": question}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()

${servers > 0 ? approve : ''}
async def main() -> None:
${options(plan)}    async with client.${isBeta ? 'beta.' : ''}realtime.connect(model=${text(plan.model)}${plan.acceptsCertificate ? ', websocket_connection_options={"ssl": tls}' : ''}) as connection:
        await connection.session.update(session=session)
${servers > 0 ? `        imports = ${servers}  # The tools of MCP servers are imported first.\n` : '        await ask(connection)\n'}        open_calls = 0  # The next response needs the results of all calls.
        async for event in connection:
            # The speech is in ${isBeta ? 'response.audio.delta' : 'response.output_audio.delta'}: 16-bit PCM at 24 kHz, in base64.
            if event.type in ("${deltas.transcript}", "${deltas.text}"):
                print(event.delta, end="", flush=True)
            elif event.type == "error":
                sys.exit(event.error.message)
${servers > 0 ? serverEvents : ''}            elif event.type == "response.done":
                print()
                output = event.response.output or []
                functions_called = [item for item in output if item.type == "function_call"]
                servers_called = [item for item in output if item.type.startswith("mcp_")]
                if not functions_called and not servers_called:
                    break
                for call in functions_called:
                    result = {"type": "function_call_output", "call_id": call.call_id, "output": run(call.name, call.arguments)}
                    await connection.conversation.item.create(item=result)
                open_calls += len(servers_called)
                if open_calls == 0:
                    await connection.response.create()


asyncio.run(main())
`;
}

/** @param {Plan} plan */
function usage({ requiresKey, variables }) {
  const names = [...(requiresKey ? ['PARLEY_API_KEY'] : []), ...variables];
  return `# pip install "openai[realtime]"
# ${names.map((name) => `${name}=… `).join('')}python agent.py "What can you do?"`;
}

/** @param {Plan} plan */
function options({ acceptsCertificate }) {
  if (!acceptsCertificate) return '';
  return `    # For a self-signed certificate of this machine; remove it otherwise.
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
`;
}

const approve = `
async def approve(connection, item) -> None:
    answer = await asyncio.to_thread(input, f"May {item.server_label} run {item.name}({item.arguments})? [y/N] ")
    response = {
        "type": "mcp_approval_response",
        "approval_request_id": item.id,
        "approve": answer.lower().startswith("y"),
    }
    await connection.conversation.item.create(item=response)

`;

const serverEvents = `            elif event.type in ("mcp_list_tools.completed", "mcp_list_tools.failed"):
                imports -= 1
                if imports == 0:
                    await ask(connection)
            elif event.type == "conversation.item.done" and event.item.type == "mcp_call":
                open_calls -= 1
                if open_calls == 0:
                    await connection.response.create()
            elif event.type == "conversation.item.done" and event.item.type == "mcp_approval_request":
                await approve(connection, event.item)
`;
