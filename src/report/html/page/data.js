'use strict';
// The data of the page: columns and one dictionary of texts, gzip in base64. Texts were made visible before they were written here,
// and they reach the page as text alone (`textContent`).

const LEVELS = ['critical', 'high', 'medium', 'low', 'informational', ''];

/** Lists of numbers, one for each row: how long each is, and all numbers behind each other. */
class Lists {
  constructor(column) {
    this.values = Uint32Array.from(column.values);
    this.offsets = new Uint32Array(column.counts.length + 1);
    column.counts.forEach((count, row) => { this.offsets[row + 1] = this.offsets[row] + count; });
  }
  of(row) {
    return this.values.subarray(this.offsets[row], this.offsets[row + 1]);
  }
}

function bytesOf(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Reads the columns. Lists become `Lists`; all else stays an array. */
async function readData() {
  const holder = document.getElementById('data');
  const packed = new Blob([bytesOf(holder.textContent.trim())]).stream().pipeThrough(new DecompressionStream('gzip'));
  const data = JSON.parse(await new Response(packed).text());
  holder.remove();
  for (const table of Object.values(data)) {
    for (const [name, column] of Object.entries(table)) {
      if (column !== null && Array.isArray(column.counts)) table[name] = new Lists(column);
    }
  }
  return data;
}

/** A time in µs as the program writes it; milliseconds are enough to read. */
function timeText(us) {
  if (us === null || us === undefined) return '';
  const time = new Date(us / 1000);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString().replace('T', ' ').replace('Z', '').replace('.000', '');
}

/** What somebody typed as a time, in UTC, as µs; `null` where nothing was typed, NaN where it is not a time. */
function typedTime(text) {
  const typed = text.trim();
  if (typed === '') return null;
  const match = /^(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?Z?$/.exec(typed);
  if (match === null) return NaN;
  const [, year, month, day = '01', hour = '00', minute = '00', second = '00'] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) * 1000;
}

const grouped = new Intl.NumberFormat('en-US');

function counted(count, noun) {
  return `${grouped.format(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Characters of a text in a list; what it opens to has all. One value of a log may be longer than a screen. */
const SHORT = 160;

function short(text) {
  return text.length <= SHORT ? text : `${text.slice(0, SHORT).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** An element with a class and content: texts and elements. Nothing is ever read as markup. */
function make(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/** The beginning of a text that is read and not compared: it ends with a word. */
function beginning(text, most) {
  if (text.length <= most) return text;
  const cut = text.slice(0, most);
  const end = /^[^]*[\s\\/.,;:=&|]/.exec(cut)?.[0] ?? '';
  return `${(end.length > most / 2 ? end : cut.replace(/[\uD800-\uDBFF]$/, '')).replace(/[\s·]+$/, '')}…`;
}

/** Characters of a word that is broken between its parts (`ServerLevelPlugin`), and of one that is broken anywhere. As in `markup.rs`. */
const LONG_WORD = 14;
const LONGEST_WORD = 20;

/** A name in pieces: it is broken behind a dot or slash, or where a capital begins a part, rather than within a word. */
function breakable(name) {
  const words = name.split(/(?<=[\s.\\/@_:;,=&|?+%#~)}\]>-])(?![\s.\\/@_:;,=&|?+%#~)}\]>-])/);
  const parts = words.flatMap((word) => (word.length > LONG_WORD ? word.split(/(?<=[a-z])(?=[A-Z])/) : [word]));
  const pieces = parts.flatMap((part) => (part.length > LONGEST_WORD ? part.match(/[^]{1,20}/gu) : [part]));
  return pieces.flatMap((piece, index) => (index === 0 ? [piece] : [make('wbr', ''), piece]));
}

function makeButton(className, text, whenPressed) {
  const button = make('button', className, ...breakable(text));
  button.type = 'button';
  button.addEventListener('click', whenPressed);
  return button;
}

/** A level by its word; its colour only repeats it. */
function levelMark(level) {
  return make('span', `level ${LEVELS[level] || 'none'}`, LEVELS[level] || 'no level');
}
