// Pictures on their way to the model: JPEG data URIs of a bounded size.

const maxEdge = 640; // pixels; the model sees no finer
const qualities = [0.9, 0.75, 0.6, 0.4]; // the first that is small enough
const maxLength = 150_000; // of the data URI: a data channel carries 256 KiB at once

// encode draws a video frame or a bitmap into a JPEG data URI.
export function encode(source, width, height) {
  const scale = Math.min(1, maxEdge / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff'; // behind transparent pictures
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  let uri = '';
  for (const quality of qualities) {
    uri = canvas.toDataURL('image/jpeg', quality);
    if (uri.length <= maxLength) break;
  }
  return uri;
}

// fromFile reads a picture that a person chose. It throws an Error whose
// message is for them.
export async function fromFile(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch (error) {
    throw new Error(`${file.name} is not a picture that this browser can read.`, { cause: error });
  }
  const uri = encode(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return uri;
}
