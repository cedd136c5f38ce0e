// Messages above the conversation, one a subject: a new one replaces the old.

import { element, find, icon } from './dom.js';

const shown = new Map();

// show puts up a message. action is {name, run} for a button beside it.
export function show(subject, text, action) {
  clear(subject);
  const notice = element('div', 'notice', element('p', '', text));
  notice.dataset.subject = subject;
  if (action) {
    const button = element('button', 'act', action.name);
    button.type = 'button';
    button.onclick = action.run;
    notice.append(button);
  }
  const close = element('button', 'icon small', icon('close'));
  close.type = 'button';
  close.setAttribute('aria-label', 'Dismiss');
  close.onclick = () => clear(subject);
  notice.append(close);
  shown.set(subject, notice);
  find('notices').append(notice);
}

// clear takes the message of a subject away.
export function clear(subject) {
  shown.get(subject)?.remove();
  shown.delete(subject);
}
