// Asking the browser for a microphone or a camera, and saying in words why
// there is none.

// needed says what is wrong with the page's address, or nothing.
function needed() {
  if (window.isSecureContext && navigator.mediaDevices) return '';
  const local = `http://localhost${location.port ? `:${location.port}` : ''}`;
  return `Browsers give microphone and camera only to pages that come over https or from this machine. Open hark with https, or as ${local} on the machine that runs it.`;
}

// why turns a refusal into what a person can do about it.
function why(error, name) {
  const known = {
    NotAllowedError: `The ${name} is blocked. Allow it for this page in the browser's address bar, then press the button again.`,
    NotFoundError: `No ${name} was found. Connect one and press the button again.`,
    NotReadableError: `The ${name} cannot be used; another program may hold it.`,
    OverconstrainedError: `The chosen ${name} is gone. Choose another in the settings.`,
  };
  return known[error.name] ?? `The ${name} did not start: ${error.message}`;
}

// request returns a media stream, or throws an Error to show as it is. name is
// "microphone" or "camera".
export async function request(name, constraints) {
  const wrong = needed();
  if (wrong) throw new Error(wrong);
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    throw new Error(why(error, name), { cause: error });
  }
}

// list returns the devices of a kind: "audioinput", "videoinput" or
// "audiooutput". They have names only once the page was given one of them.
export async function list(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== 'default');
}
