/** The page of `@openai/agents-realtime`, which opens the microphone and plays the answers itself. Tools are approved. */

import { hostedMcpTool } from '@openai/agents-core';
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import type { CallPlan } from './page-call.ts';
import { Recorder } from './recorder.ts';

declare global {
  var agentSession: RealtimeSession;
}

globalThis.openCall = async (plan) => {
  const transport = new OpenAIRealtimeWebRTC({ baseUrl: plan.url });
  transport.on('connection_change', (status) => {
    if (status !== 'connecting') return;
    transport.connectionState.dataChannel?.addEventListener('message', ({ data }) => reportMessage(String(data)));
  });
  const agent = new RealtimeAgent({ name: 'Assistant', instructions: plan.instructions, tools: tools(plan) });
  const session = new RealtimeSession(agent, {
    transport,
    model: 'gpt-realtime',
    tracingDisabled: true,
    config: { audio: { input: { transcription: { model: 'whisper-1' }, turnDetection: { type: 'server_vad' } } } },
  });
  session.on('tool_approval_requested', (_context, _agent, { approvalItem }) => void session.approve(approvalItem));
  globalThis.agentSession = session;
  await session.connect({ apiKey: plan.secret });
  const { callId, peerConnection: connection } = transport.connectionState;
  if (connection === undefined) throw new Error('the SDK has no connection');
  const send = (event: object) => transport.sendEvent(event as Parameters<typeof transport.sendEvent>[0]);
  globalThis.pageCall = { callId, connection, recorder: new Recorder(connection), send };
};

function tools({ mcp }: CallPlan) {
  if (mcp === undefined) return [];
  const server = { serverLabel: 'docs', serverUrl: mcp.url };
  return [
    mcp.requireApproval === 'never'
      ? hostedMcpTool({ ...server, requireApproval: 'never' })
      : hostedMcpTool({ ...server, requireApproval: 'always' }),
  ];
}
