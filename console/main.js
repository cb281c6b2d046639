/** Creates the parts of the page and connects them to its buttons. */

import { AudioMenu } from './audio/audio-menu.js';
import { loadAudioChoice } from './audio/devices.js';
import { LevelMeter } from './audio/level-meter.js';
import { levelOf, toMs } from './audio/pcm.js';
import { Player } from './audio/player.js';
import { Captions } from './captions.js';
import { bindComposer } from './composer/composer.js';
import { Conversation } from './conversation.js';
import { element } from './dom.js';
import { Latency } from './latency.js';
import { Notices } from './notices.js';
import { keyRefused, RealtimeClient } from './realtime-client.js';
import { isLost, Reconnection } from './reconnection.js';
import { Inspector } from './session/inspector.js';
import { OtherSession } from './session/other-session.js';
import { SessionList } from './session/session-list.js';
import { bindSessionMenu } from './session/session-menu.js';
import { SessionsApi } from './session/sessions-api.js';
import { Borrowing } from './settings/borrowed.js';
import { hideSecrets } from './settings/secrets.js';
import { areBorrowed, loadSettings, saveSettings } from './settings/settings.js';
import { SettingsForm } from './settings/settings-form.js';
import { introduceStandIn } from './stand-in.js';
import { Talk } from './talk.js';
import { bindTalkButton } from './talk-button.js';
import { Transcript } from './transcript.js';

/** @typedef {import('./conversation.js').State} State */

/** @type {Record<State, string>} */
const statusTexts = {
  disconnected: 'Disconnected',
  connecting: 'Connecting…',
  ready: 'Ready',
  listening: 'Listening',
  'user-speaks': 'You are speaking',
  thinking: 'Thinking…',
  'agent-speaks': 'Parley is speaking',
};

const status = element('status', HTMLElement);
const sessionLine = element('session', HTMLElement);
const talkButton = element('talk', HTMLButtonElement);
const stopButton = element('stop-answer', HTMLButtonElement);
const answerButton = element('answer', HTMLButtonElement);
const textInput = element('text-input', HTMLInputElement);

/** How the last connection ended. @type {{ text: string, actions: import('./notices.js').Action[] } | null} */
let ending = null;

/** Why calls are impossible, as last shown. */
let shownObstacle = '';

let ownSessionId = '';

/** The composer was submitted while the page connected. */
let submitsOnConnect = false;

const settings = loadSettings();
/** As in Settings. */
let { transport } = settings;
const notices = new Notices();
const inspector = new Inspector();
const latency = new Latency();
const transcript = new Transcript({
  scroller: element('transcript-scroller', HTMLElement),
  list: element('transcript', HTMLElement),
  onReplay: (itemId) => inspector.replay(itemId),
  userName: inspector.live.userName,
});

const sessionsApi = new SessionsApi(settings.apiKey);
const otherSession = new OtherSession(inspector, sessionsApi, {
  onShown: () => talk.off(),
  onKeyRefused: (problem) => sessionList.open(problem),
});
const sessionList = new SessionList(
  sessionsApi,
  () => ownSessionId,
  (row) => otherSession.watch(row),
);
const captions = new Captions(transcript, (responseId) => latency.reached(responseId, 'heard'));
const meter = new LevelMeter();
const audioChoice = loadAudioChoice();

const client = new RealtimeClient({
  onSent: (event, bytes) => inspector.live.add('sent', withoutSecrets(event), inspector.nowMs, bytes),
  onCallAudio(samples) {
    const level = levelOf(samples);
    meter.showOutput(level);
    captions.trackPlayed(level > 0);
    if (level > 0) inspector.live.addAssistantAudio(samples, inspector.nowMs);
  },
  onReceived(event, bytes, wire) {
    inspector.live.add('received', event, inspector.nowMs, bytes, wire);
    if (event.type === 'session.created') {
      ending = null;
      ownSessionId = event.session.id;
      reconnection.succeeded();
      notices.remove('connection');
      talk.sendTrack();
      form.clearRefusals();
    }
    if (event.type === 'session.updated' && event.session.type === 'realtime') {
      form.showEffective({ ...event.session });
      sessionLine.textContent = describeSession(event.session);
    }
    conversation.receive(event);
    if (event.type === 'session.created' && submitsOnConnect) element('composer', HTMLFormElement).requestSubmit();
  },
  onNoCalls(why) {
    // While the page connects again, it is not announced at each attempt.
    if (ending !== null && why === shownObstacle) return;
    shownObstacle = why;
    const retry = () => {
      client.retryCalls();
      connect();
    };
    notices.show('transport', `${why} A WebSocket is used instead.`, [{ label: 'Try WebRTC again', run: retry }]);
  },
  onTooLarge: (message) => notices.show('too large', message),
  onClosed(message, code, retryMs) {
    talk.off();
    submitsOnConnect = false;
    conversation.disconnected();
    sessionLine.textContent = '';
    const retries = isLost(code) && conversation.refusal === '' && !conversation.hasExpired;
    if (retries) reconnection.schedule(retryMs);
    // While the page connects again, the notice gives the first reason, and is not announced at each attempt.
    if (retries && ending !== null) return;
    ending = describeEnding(message, code, retries);
    notices.show('connection', ending.text, ending.actions);
  },
});

const player = new Player({
  onItemStarted: (itemId, latencyMs) => latency.heard(itemId, latencyMs),
  onPosition(position, inMs) {
    inspector.live.addPlayed(position, inspector.nowMs + inMs);
    captions.heard(position.itemId, toMs(position.playedSamples) - Math.max(0, inMs));
  },
  onDrained: ({ itemId, playedSamples }) => captions.drained(itemId, toMs(playedSamples)),
  onPlaying: showState,
  onLevel: (level) => meter.showOutput(level),
  onProblem: (message) => notices.show('player', message),
});

const conversation = new Conversation({
  client,
  player,
  transcript,
  captions,
  latency,
  settings,
  onChange: showState,
  onError(message, code) {
    notices.show(`server ${code}`, code === null ? message : `${message} (${code})`);
  },
  onRefused(refusal) {
    const path = form.showRefusal(refusal);
    const needsReconnect = refusal.code === 'cannot_update_voice';
    notices.show(`setting ${path}`, `The server refused a setting: ${refusal.message}`, [
      needsReconnect
        ? { label: 'Reconnect to change it', run: connect }
        : { label: 'Settings', run: () => form.openAt(path) },
    ]);
  },
  onUnchanged(path) {
    notices.show(`setting ${path}`, `The running session keeps its value of ${path}.`, [
      { label: 'Reconnect to use the default', run: connect },
    ]);
  },
});

const talk = new Talk({
  client,
  conversation,
  settings,
  audio: audioChoice,
  onLevel: (level) => meter.show(level),
  onClosed: () => meter.clear(),
  onOpened() {
    notices.remove('microphone');
    void audioMenu.refresh();
  },
  onCallAudio: (samples) => inspector.live.addUserAudio(samples, inspector.nowMs),
  onChange: showState,
  onProblem: (message) => notices.show('microphone', message),
});

const form = new SettingsForm(
  settings,
  (changed) => {
    saveSettings(changed, { borrowed: areBorrowed() });
    apply(changed);
  },
  connect,
);

const audioMenu = new AudioMenu(audioChoice, {
  inCall: () => client.carriesAudio,
  onChange(choice) {
    useSpeaker(choice.speakerId);
    void talk.choose(choice);
  },
  onConnected: (microphones) => void talk.devicesChanged(microphones),
});
useSpeaker(audioChoice.speakerId);
const borrowing = new Borrowing(
  (other) => {
    otherSession.close();
    // The user has not agreed to be heard by a session with these settings.
    talk.off();
    // The running session does not get them.
    client.close();
    conversation.disconnected();
    form.replace(other);
    apply(other);
    connect();
  },
  (message) => notices.show('link', message),
);
element('use-settings', HTMLButtonElement).addEventListener('click', () =>
  borrowing.openSession(inspector.shown.entries),
);

const reconnection = new Reconnection(() => conversation.connect());

bindTalkButton(talkButton, talk, {
  beforeTalk() {
    unlock();
    if (!client.isOpen) connect();
  },
  interrupt: () => conversation.interrupt(),
});

stopButton.addEventListener('click', () => conversation.interrupt());

answerButton.addEventListener('click', () => {
  unlock();
  conversation.answer();
});

bindComposer(
  (text, pictures) => {
    submitsOnConnect = !conversation.isConnected && ending === null;
    if (!submitsOnConnect) return say(text, pictures);
    notices.show('connection', 'The message is sent when the connection is open.');
    return false;
  },
  (message) => notices.show('picture', message),
);

bindSessionMenu(inspector, {
  onOpened: (record) => otherSession.open(record),
  onList: () => sessionList.open(),
  onProblem: (message) => notices.show('session file', message),
});

element('reconnect', HTMLButtonElement).addEventListener('click', () => {
  unlock();
  connect();
});

connect();
void introduceStandIn(say);
void borrowing.openAddress();

/** @param {import('./settings/settings.js').Settings} changed take effect at once, as far as a live session allows */
function apply(changed) {
  sessionsApi.pageKey = changed.apiKey;
  if (changed.transport !== transport) client.retryCalls();
  transport = changed.transport;
  talk.apply(changed);
  conversation.apply(changed);
  showState();
}

/** @param {import('./realtime-client.js').ClientEvent} event */
function withoutSecrets(event) {
  if (event.type !== 'session.update') return event;
  return /** @type {typeof event} */ ({ ...event, session: hideSecrets({ ...event.session }) });
}

/**
 * Sends a message, or displays why it was not sent.
 * @param {string} text
 * @param {readonly import('./composer/images.js').Picture[]} [pictures]
 * @returns {boolean} whether it was sent
 */
function say(text, pictures) {
  if (!conversation.isConnected) {
    const { text: why, actions } = ending ?? { text: 'The connection is not open yet.', actions: [] };
    notices.show('connection', `That was not sent. ${why}`, actions);
    return false;
  }
  unlock();
  return conversation.say(text, pictures);
}

/** Lets the page play sound. Call it from a user gesture. */
function unlock() {
  player.unlock();
  client.unlock();
}

/** @param {string} deviceId */
function useSpeaker(deviceId) {
  player.setSpeaker(deviceId);
  client.setSpeaker(deviceId);
}

function connect() {
  ending = null;
  reconnection.cancel();
  notices.clear();
  conversation.connect();
}

/**
 * @param {string} message
 * @param {number} code
 * @param {boolean} retries whether the page connects again by itself
 */
function describeEnding(message, code, retries) {
  const reconnect = { label: 'Reconnect', run: connect };
  if (code === keyRefused) {
    const text = client.sentKey
      ? conversation.refusal || message
      : 'The server requires an API key. Enter one of those that it was started with.';
    return { text, actions: [{ label: 'Enter a key', run: () => form.openAt('apiKey') }] };
  }
  if (conversation.refusal === '')
    return { text: retries ? `${message} Reconnecting…` : message, actions: [reconnect] };
  const settings = { label: 'Settings', run: () => form.openAt('model') };
  return { text: `The server refused the connection: ${conversation.refusal}`, actions: [settings, reconnect] };
}

function showState() {
  const state = conversation.state({ microphoneOn: talk.isOn && !talk.isPushToTalk, held: talk.isHeld });
  document.body.dataset.state = state;
  document.body.toggleAttribute('data-microphone', talk.isOn);
  if (status.textContent !== statusTexts[state]) status.textContent = statusTexts[state];
  talkButton.setAttribute('aria-pressed', String(talk.isPushToTalk ? talk.isHeld : talk.isWanted));
  element('talk-label', HTMLElement).textContent = talk.isPushToTalk ? 'Hold' : talk.isWanted ? 'Stop' : 'Talk';
  for (const [button, isShown] of /** @type {const} */ ([
    [stopButton, conversation.isAnswering],
    [answerButton, conversation.canAnswer],
  ])) {
    const hadFocus = document.activeElement === button;
    button.hidden = !isShown;
    if (hadFocus && !isShown) textInput.focus();
  }
  element('talk-hint', HTMLElement).textContent = hint();
}

function hint() {
  if (conversation.isAnswering) return talk.isOn && !talk.isPushToTalk ? 'Speak to interrupt, or' : '';
  if (talk.isPushToTalk) return 'Hold the button, or the space bar, while you speak';
  if (talk.isOn) return '';
  return talk.isWanted ? 'Waiting for the microphone. Allow it in the browser.' : 'The microphone is off';
}

/** @param {import('../src/protocol/wire/session-config.ts').RealtimeConfig} session */
function describeSession({ model, audio }) {
  const voice = typeof audio.output.voice === 'string' ? audio.output.voice : audio.output.voice.id;
  const by = client.carriesAudio ? 'WebRTC' : 'WebSocket';
  return `${model} · ${voice} · ${audio.input.turn_detection?.type ?? 'push to talk'} · ${by}`;
}
