// What findings are filtered by. A finding passes where each facet with a choice has one of its values.

/** Values of a facet that are listed before somebody asks for more, and then. */
const FEW_VALUES = 8;
const MOST_VALUES = 200;

class Facet {
  /** `lists`: the values of each finding; `label`: what a value is called. */
  constructor(key, title, lists, values, label, order = null) {
    Object.assign(this, { key, title, lists, values, label, order });
    this.chosen = new Set();
    this.counts = new Uint32Array(values);
    this.typed = '';
    this.isLong = false;
  }
  passes(finding) {
    if (this.chosen.size === 0) return true;
    const { offsets, values } = this.lists;
    for (let at = offsets[finding]; at < offsets[finding + 1]; at += 1) if (this.chosen.has(values[at])) return true;
    return false;
  }
  count(finding) {
    const { offsets, values } = this.lists;
    for (let at = offsets[finding]; at < offsets[finding + 1]; at += 1) this.counts[values[at]] += 1;
  }
  /** The values to list: chosen ones first of all, then the most frequent. */
  listed() {
    const typed = this.typed.toLowerCase();
    const found = [];
    for (let value = 0; value < this.values; value += 1) {
      if (this.chosen.has(value) || (this.counts[value] > 0 && (typed === '' || this.label(value).toLowerCase().includes(typed)))) found.push(value);
    }
    const byCount = (a, b) => this.chosen.has(b) - this.chosen.has(a) || this.counts[b] - this.counts[a] || this.label(a).localeCompare(this.label(b));
    found.sort(this.order ?? byCount);
    const most = this.isLong || typed !== '' ? MOST_VALUES : FEW_VALUES;
    return { found, shown: found.slice(0, most) };
  }
}

/** One value for each finding, as lists. */
function single(values) {
  return new Lists({ counts: new Uint32Array(values.length).fill(1), values });
}

/** The values of each finding's rule. */
function throughRule(lists, rules) {
  const counts = rules.map((rule) => lists.of(rule).length);
  const values = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  rules.forEach((rule) => { values.set(lists.of(rule), at); at += lists.of(rule).length; });
  return new Lists({ counts, values });
}

function makeFacets(data) {
  const { findings, rules, names } = data;
  const text = (id) => names.texts[id];
  const blank = (shown) => (shown.trim() === '' ? '(blank)' : shown);
  const titled = (ids) => (value) => blank(text(ids[value]));
  return [
    new Facet('level', 'Level', single(findings.level), LEVELS.length, (value) => LEVELS[value] || 'no level', (a, b) => a - b),
    new Facet('rule', 'Rule', single(findings.rule), rules.title.length, titled(rules.title)),
    new Facet('technique', 'Technique', throughRule(rules.techniques, findings.rule), names.techniques.length, titled(names.techniques)),
    new Facet('host', 'Host', findings.hosts, names.hosts.length, titled(names.hosts)),
    new Facet('user', 'User', findings.users, names.users.length, titled(names.users)),
    new Facet('status', 'Status', single(findings.status), names.statuses.length, titled(names.statuses)),
    new Facet('hunt', 'Hunt', single(findings.hunt), names.hunts.length, titled(names.hunts)),
  ];
}

/** Which texts of the dictionary hold a word. */
function textsWith(word, lowered) {
  const hits = new Uint8Array(lowered.length);
  for (let id = 0; id < lowered.length; id += 1) if (lowered[id].includes(word)) hits[id] = 1;
  return hits;
}

/** Asks of a finding whether each word stands in one of its texts. */
function wordTest(data, words, lowered) {
  const { findings, rules, names } = data;
  const sets = words.map((word) => textsWith(word, lowered));
  const has = (hits, finding) => {
    const rule = findings.rule[finding];
    if (hits[rules.title[rule]] || hits[rules.id[rule]] || hits[findings.details[finding]] || hits[findings.message[finding]]) return true;
    return findings.hosts.of(finding).some((host) => hits[names.hosts[host]]) || findings.users.of(finding).some((user) => hits[names.users[user]])
      || findings.values.of(finding).some((id) => hits[id]) || rules.techniques.of(rule).some((technique) => hits[names.techniques[technique]]) || rules.ownTechniques.of(rule).some((id) => hits[id]);
  };
  return (finding) => sets.every((hits) => has(hits, finding));
}

/** Draws a facet anew. */
function drawFacet(facet, box, changed) {
  const hadFocus = document.activeElement;
  const focused = box.contains(hadFocus) ? hadFocus.dataset.focus : undefined;
  const { found, shown } = facet.listed();
  const list = make('ul', '');
  for (const value of shown) {
    const tick = make('input', '');
    tick.type = 'checkbox';
    tick.checked = facet.chosen.has(value);
    tick.dataset.focus = `value ${value}`;
    tick.addEventListener('change', () => { facet.chosen[tick.checked ? 'add' : 'delete'](value); changed(); });
    const name = facet.key === 'level' ? levelMark(value) : make('span', 'name', ...breakable(short(facet.label(value))));
    const label = make('label', facet.counts[value] === 0 ? 'zero' : '', tick, name, make('span', 'number', grouped.format(facet.counts[value])));
    list.append(make('li', '', label));
  }
  const parts = [make('legend', '', facet.title), list];
  if (found.length > FEW_VALUES || facet.typed !== '') parts.splice(1, 0, facetSearch(facet, box, changed));
  if (facet.typed === '' && found.length > FEW_VALUES) {
    const words = facet.isLong ? 'Show fewer' : `Show ${grouped.format(Math.min(found.length, MOST_VALUES))} of ${grouped.format(found.length)}`;
    const more = makeButton('plain', words, () => { facet.isLong = !facet.isLong; drawFacet(facet, box, changed); });
    more.dataset.focus = 'more';
    parts.push(more);
  }
  if (found.length === 0 && facet.typed === '') parts.push(make('p', 'note', 'none'));
  box.replaceChildren(...parts);
  if (focused !== undefined) [...box.querySelectorAll('[data-focus]')].find((one) => one.dataset.focus === focused)?.focus();
}

function facetSearch(facet, box, changed) {
  const input = make('input', '');
  input.type = 'search';
  input.value = facet.typed;
  input.dataset.focus = 'typed';
  input.setAttribute('aria-label', `Find a value of ${facet.title}`);
  input.placeholder = `find a ${facet.title.toLowerCase()}`;
  input.addEventListener('input', () => {
    facet.typed = input.value;
    drawFacet(facet, box, changed);
    const again = box.querySelector('input[type="search"]');
    again?.setSelectionRange(again.value.length, again.value.length);
  });
  return input;
}
