// What was said, as a file to upload: Opus frames in Ogg (RFC 7845), or plain samples in a WAV.

const FRAMES_A_PAGE = 50;
const PRE_SKIP = 312;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder << 1) ^ (remainder < 0 ? 0x04c11db7 : 0);
  }
  return remainder;
});

export function fileOf(frames, codec) {
  return codec === "opus"
    ? new File([...ogg(frames)], "said.ogg", { type: "audio/ogg" })
    : new File([wavHead(frames), ...frames], "said.wav", { type: "audio/wav" });
}

function* ogg(frames) {
  const head = text("OpusHead\x01\x01\0\0\0\0\0\0\0\0\0");
  new DataView(head.buffer).setUint16(10, PRE_SKIP, true);
  new DataView(head.buffer).setUint32(12, 48000, true);
  yield page([head], 0, 0, 2);
  yield page([text("OpusTags\x07\0\0\0LoaCast\0\0\0\0")], 1, 0, 0);
  for (let first = 0, number = 2; first < frames.length; first += FRAMES_A_PAGE, number++) {
    const some = frames.slice(first, first + FRAMES_A_PAGE);
    const end = first + some.length;
    yield page(some, number, end * 960, end === frames.length ? 4 : 0);
  }
}

// A page of whole packets (RFC 3533 §6). A frame of speech is far under the 1275 bytes that Opus allows.
function page(packets, number, granule, flags) {
  const lengths = packets.flatMap(({ length }) => [...Array(Math.floor(length / 255)).fill(255), length % 255]);
  const size = packets.reduce((sum, { length }) => sum + length, 27 + lengths.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(text("OggS\0"));
  bytes[5] = flags;
  view.setUint32(6, granule, true); // five minutes are far from 2^32 samples
  view.setUint32(14, 1, true); // serial number of the only stream
  view.setUint32(18, number, true);
  bytes[26] = lengths.length;
  bytes.set(lengths, 27);
  let at = 27 + lengths.length;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  view.setUint32(22, bytes.reduce((sum, byte) => (sum << 8) ^ TABLE[(sum >>> 24) ^ byte], 0), true);
  return bytes;
}

function wavHead(frames) {
  const size = frames.reduce((sum, { length }) => sum + length, 0);
  const head = text("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0\x10\0data\0\0\0\0");
  const view = new DataView(head.buffer);
  view.setUint32(4, 36 + size, true);
  view.setUint32(24, 16000, true);
  view.setUint32(28, 32000, true);
  view.setUint32(40, size, true);
  return head;
}

function text(characters) {
  return Uint8Array.from(characters, (each) => each.charCodeAt(0));
}
