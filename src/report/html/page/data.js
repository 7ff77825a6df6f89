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

/** When the events of findings happened: runs of times, between which there is none. A finding without runs may have one anywhere. */
class TimeRuns {
  constructor(column, firsts) {
    this.offsets = new Uint32Array(column.runs.length + 1);
    this.edges = new Float64Array(column.steps.length);
    column.runs.forEach((runs, finding) => {
      const end = this.offsets[finding] + runs;
      let time = firsts[finding];
      for (let at = 2 * this.offsets[finding]; at < 2 * end; at += 1) { time += column.steps[at]; this.edges[at] = time; }
      this.offsets[finding + 1] = end;
    });
  }
  /** Whether a finding has, or may have, an event at or after the one time and before the other. */
  hasBetween(finding, since, until) {
    let low = this.offsets[finding];
    const end = this.offsets[finding + 1];
    if (low === end) return true;
    // The first run that ends at or after the one time.
    for (let high = end; low < high;) {
      const middle = (low + high) >> 1;
      if (this.edges[2 * middle + 1] < since) low = middle + 1;
      else high = middle;
    }
    return low < end && this.edges[2 * low] < until;
  }
}

function bytesOf(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Reads the columns. Lists become `Lists`, times `TimeRuns`; all else stays an array. */
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
  data.findings.times = new TimeRuns(data.findings.times, data.findings.first);
  return data;
}

/** A time in µs as the program writes it; milliseconds are enough to read. */
function timeText(us) {
  if (us === null || us === undefined) return '';
  const time = new Date(us / 1000);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString().replace('T', ' ').replace('Z', '').replace('.000', '');
}

/** A time as it is typed or copied: a day, a month, minutes, seconds with a fraction; UTC where no offset is given. */
const TYPED_TIME = /^(\d{4})-(\d\d)(?:-(\d\d)(?:(?:T| +)(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?(?: *(?:Z|UTC|([+-])(\d\d):?(\d\d)))?$/i;

/** What somebody typed as a time, as µs; `null` where nothing was typed, NaN where it is not a time. */
function typedTime(text) {
  const typed = text.trim();
  if (typed === '') return null;
  const match = TYPED_TIME.exec(typed);
  if (match === null) return NaN;
  const [, year, month, day = '01', hour = '00', minute = '00', second = '00', fraction = '', sign, hours = '0', minutes = '0'] = match;
  const plain = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const time = Date.parse(`${plain}Z`);
  // Some browsers take 31 February for a day in March.
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 19) !== plain || Number(hours) > 23 || Number(minutes) > 59) return NaN;
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000_000;
  return time * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0')) - offset;
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
