// Live voice: hold to talk. Knows nothing of the page; whoever makes one shows what it says.
//
//   const talk = new Talk({
//     audience: () => ({ areas: [1, 2], gateways: ["g1"] }),   // asked at arm() and again at press()
//     mode: () => "actual",                                    // or "test", "drill"; asked likewise
//     onState: (state, detail) => {},                          // every change; see below
//     onLevel: (db) => {},                                     // of the microphone, -90 to 0 dBFS, 15 times a second
//   });
//   await talk.arm();    // in a click: opens microphone and socket; nothing is sent, only the level moves
//   talk.press();        // pointerdown, space down, or the screen reader's first press
//   talk.release();      // pointerup, pointercancel, space up, or the second press; safe to call at any time
//   talk.disarm();       // closes microphone and socket
//   talk.state           // the last one; talk.isArmed says whether press() would talk at once
//
// state               | means                                                    | detail
// --------------------|----------------------------------------------------------|--------------------------------
// idle                | neither microphone nor socket                            |
// arming              | asking for the microphone, opening the socket            |
// refused_microphone  | the person or the browser said no                        |
// no_microphone       | there is none, or another program holds it               |
// insecure            | not HTTPS and not localhost: browsers give no microphone |
// armed               | ready: press() talks                                     | gateways, longestMs
// opening             | pressed; the order is on its way: what is said is kept   |
// talking             | ordered, and frames go out                               | emergencyId, broadcastId, gateways, longestMs, droppedMs
// closed              | released or stopped; still armed, press() talks again    | saidMs, clipSha256 (or null), reason, droppedMs
// bad_link            | the line does not carry a voice: it is recorded here     | stage: recording, uploading, sent, failed; then
//                     | instead and sent to be played at release                 | problem, emergencyId
// lost                | the socket is gone, and nobody was talking               |
// error               | the server refused                                       | problem: { code, message, field }
//
// `closed.reason`: released, limit (the longest time was over), stopped (someone stopped everything or ended the
// emergency), hidden (the page went out of sight), too_short (a tap: nothing was sent).
// `error` with problem.code "step_up_needed": prove again who one is, then press(); the microphone stays open.
// After `lost` and `error` with talk.isArmed false: arm() again, in a click.
// `droppedMs` grows while talking when frames had to be left out because the line was full; say so.
// `bad_link` goes on by itself: keep showing that it records until release(), then that it uploads, then that it was
// sent (emergencyId: an emergency of its own, which supersedes the one that was cut off) or failed (the recording is
// kept: talk.retry() sends it again, talk.discard() forgets it).
