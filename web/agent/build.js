// Making elements without markup, so that no text of others is ever taken for
// some.

// make returns an element with properties (those with a dash, role and part as
// attributes) and children: elements, or texts.
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-') || key === 'role' || key === 'part' || key === 'for') element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

const namespace = 'http://www.w3.org/2000/svg';

const shapes = {
  mic: ['M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3z', 'M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3'],
  stop: ['M8 8h8v8H8z'],
  send: ['M12 19V5M6 11l6-6 6 6'],
  close: ['M6 6l12 12M18 6L6 18'],
};

// icon draws one of the shapes in a square of 24.
export function icon(name) {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of shapes[name]) {
    const path = document.createElementNS(namespace, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
