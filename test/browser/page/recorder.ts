/** Records what a WebRTC page plays. Runs in the browser. */

const sampleRateHz = 24_000;
const sliceMs = 100;

export class Recorder {
  readonly #stream: MediaStream;
  #recording: MediaRecorder;
  readonly #slices: Blob[] = [];
  #onSlice: () => void = () => {};

  constructor(connection: RTCPeerConnection) {
    this.#stream = new MediaStream(connection.getReceivers().map(({ track }) => track));
    // Chromium decodes a remote track only while an element plays it.
    const player = new Audio();
    player.muted = true;
    player.srcObject = this.#stream;
    this.#recording = this.#record();
  }

  /** What has been played since the last call, and in the next 500 ms: 16-bit PCM at 24 kHz, in base64. */
  async take(): Promise<string> {
    for (const end = this.#slices.length + 500 / sliceMs; this.#slices.length < end; ) {
      await new Promise<void>((resolve) => {
        this.#onSlice = resolve;
      });
    }
    const recording = this.#recording;
    const stopped = new Promise((resolve) => recording.addEventListener('stop', resolve));
    recording.stop();
    await stopped;
    const encoded = new Blob(this.#slices.splice(0), { type: recording.mimeType });
    this.#recording = this.#record();
    const decoder = new OfflineAudioContext(1, 1, sampleRateHz);
    const decoded = await decoder.decodeAudioData(await encoded.arrayBuffer());
    const samples = Int16Array.from(decoded.getChannelData(0), (sample) => 32_767 * sample);
    return btoa(Array.from(new Uint8Array(samples.buffer), (byte) => String.fromCharCode(byte)).join(''));
  }

  #record(): MediaRecorder {
    const recording = new MediaRecorder(this.#stream);
    recording.addEventListener('dataavailable', ({ data }) => {
      this.#slices.push(data);
      this.#onSlice();
    });
    recording.start(sliceMs);
    return recording;
  }
}
