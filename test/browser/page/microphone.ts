/** A microphone that a test speaks into: the track of an audio element. Runs in the browser. */

/** Firefox has it under another name, and neither is in the types. */
interface CapturingElement extends HTMLAudioElement {
  captureStream?(): MediaStream;
  mozCaptureStream?(): MediaStream;
}

export class Microphone {
  readonly #sender: RTCRtpSender;

  constructor(sender: RTCRtpSender) {
    this.#sender = sender;
  }

  /** Sends the microphone of the browser. */
  async open(): Promise<void> {
    const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks();
    if (track) await this.#sender.replaceTrack(track);
  }

  /** Sends a WAV file, in base64. */
  async speak(wav: string): Promise<void> {
    const element: CapturingElement = new Audio(`data:audio/wav;base64,${wav}`);
    const stream = element.captureStream?.() ?? element.mozCaptureStream?.();
    if (stream === undefined) throw new Error('the browser cannot capture an element');
    const added = new Promise<MediaStreamTrack>((resolve) => {
      stream.addEventListener('addtrack', ({ track }) => resolve(track), { once: true });
    });
    await element.play();
    await this.#sender.replaceTrack(stream.getTracks()[0] ?? (await added));
  }
}
