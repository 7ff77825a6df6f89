// Puts the page together: data, facets, list, and what of the summary leads into the list.

/** Typing is answered when it pauses so long (ms). */
const PAUSE = 120;

class Explorer {
  constructor(data) {
    this.data = data;
    this.lowered = data.names.texts.map((text) => text.toLowerCase());
    this.facets = makeFacets(data);
    this.table = new FindingTable(data, this.lowered);
    this.boxes = this.facets.map((facet) => make('fieldset', ''));
    this.boxes.forEach((box, index) => { box.dataset.facet = this.facets[index].key; });
    document.getElementById('facets').append(...this.boxes);
    /** A bar of the timeline: the times between which the first event of a finding lies, and what the bar is called. */
    this.bar = null;
    this.inputs = Object.fromEntries(['search', 'since', 'until'].map((name) => [name, document.getElementById(name)]));
    let waiting = 0;
    for (const input of Object.values(this.inputs)) {
      input.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(() => this.update(), PAUSE); });
      // Enter, or leaving the input, does not wait.
      input.addEventListener('change', () => { clearTimeout(waiting); this.update(); });
    }
    this.inputs.search.addEventListener('keydown', (event) => { if (event.key === 'Escape') { this.inputs.search.value = ''; this.update(); } });
    document.getElementById('clear').addEventListener('click', () => { this.reset(); this.update(); });
  }

  /** Takes all filters away, and draws nothing. */
  reset() {
    this.facets.forEach((facet) => { facet.chosen.clear(); facet.typed = ''; });
    Object.values(this.inputs).forEach((input) => { input.value = ''; });
    this.bar = null;
  }


  /** Shows what has one value of a facet, and nothing else. */
  showOnly(key, value) {
    this.reset();
    this.facets.find((facet) => facet.key === key).chosen.add(value);
    this.update();
    document.getElementById('findings').scrollIntoView();
    this.inputs.search.focus({ preventScroll: true });
  }

  /** Shows what a bar counts: a finding that lasts stands in the bar of its first event alone. */
  showBar(since, until) {
    this.reset();
    this.bar = { since: typedTime(since), until: typedTime(until), name: `${since} to ${until}` };
    this.update();
    document.getElementById('findings').scrollIntoView();
  }

  /** The bounds in time, `null` where there is none; and says what is wrong with them. */
  bounds() {
    const times = ['since', 'until'].map((name) => typedTime(this.inputs[name].value));
    const titles = ['Since', 'Until'];
    const said = times.flatMap((time, place) => (Number.isNaN(time)
      ? [`${titles[place]} is not a time and filters nothing. Write 2024-01-31, 2024-01-31 12:00, 2024-01-31 12:00:05.250 (UTC) or 2024-01-31T12:00:00+01:00.`] : []));
    const isEmpty = times[0] !== null && times[1] !== null && times[0] >= times[1];
    if (isEmpty) said.push('Since is not before Until: no time is in this interval, so the list is empty.');
    ['since', 'until'].forEach((name, place) => this.inputs[name].setAttribute('aria-invalid', String(isEmpty || Number.isNaN(times[place]))));
    const wrong = document.getElementById('wrong');
    if (wrong.textContent !== said.join(' ')) wrong.textContent = said.join(' ');
    return times.map((time) => (Number.isNaN(time) ? null : time));
  }

  /** Whether a finding has an event in the interval; where not all of its events are known, whether it may have one. */
  isBetween(finding, since, until) {
    const { first, last, times } = this.data.findings;
    if (since === null && until === null) return true;
    if (first[finding] === null || last[finding] === null) return false;
    if ((since !== null && last[finding] < since) || (until !== null && first[finding] >= until)) return false;
    return since === null || until === null || (since < until && times.hasBetween(finding, since, until));
  }

  /** Filters, counts and draws. A value is counted where all other facets pass, so that a count says what choosing it would give. */
  update() {
    const { findings } = this.data;
    const words = this.inputs.search.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
    const hasWords = words.length === 0 ? () => true : wordTest(this.data, words, this.lowered);
    const [since, until] = this.bounds();
    const found = new Uint32Array(findings.id.length);
    let length = 0;
    this.facets.forEach((facet) => facet.counts.fill(0));
    for (let finding = 0; finding < found.length; finding += 1) {
      if (!this.isBetween(finding, since, until)) continue;
      if (this.bar !== null && !(findings.first[finding] !== null && findings.first[finding] >= this.bar.since && findings.first[finding] < this.bar.until)) continue;
      if (!hasWords(finding)) continue;
      const failed = this.facets.filter((facet) => !facet.passes(finding));
      if (failed.length > 1) continue;
      if (failed.length === 1) failed[0].count(finding);
      else {
        this.facets.forEach((facet) => facet.count(finding));
        found[length] = finding;
        length += 1;
      }
    }
    this.facets.forEach((facet, index) => drawFacet(facet, this.boxes[index], () => this.update()));
    this.drawChosen();
    this.table.show(found.slice(0, length));
  }

  drawChosen() {
    const remove = (text, isGone) => {
      // The button goes with its filter: who pressed it by key goes on at the search.
      const button = makeButton('', `${short(text)} ×`, () => { isGone(); this.update(); this.inputs.search.focus({ preventScroll: true }); });
      button.setAttribute('aria-label', `Remove the filter ${text}`);
      return button;
    };
    const chosen = this.facets.flatMap((facet) => [...facet.chosen].map((value) => (
      remove(`${facet.title}: ${facet.label(value)}`, () => facet.chosen.delete(value)))));
    if (this.bar !== null) chosen.push(remove(`First event: ${this.bar.name}`, () => { this.bar = null; }));
    document.getElementById('chosen').replaceChildren(...chosen);
  }
}

/** Makes buttons of what stands in the static tables: `data-show` names a facet and a value of it by its number. */
function linkSummary(explorer) {
  for (const place of document.querySelectorAll('[data-show]')) {
    const [key, value] = place.dataset.show.split(' ');
    const text = place.textContent;
    place.replaceChildren(makeButton('plain', text, () => explorer.showOnly(key, Number(value))));
  }
  for (const bar of document.querySelectorAll('[data-since]')) {
    const show = () => explorer.showBar(bar.dataset.since, bar.dataset.until);
    bar.setAttribute('role', 'button');
    bar.setAttribute('tabindex', '0');
    bar.addEventListener('click', show);
    bar.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); show(); } });
  }
}

async function start() {
  const state = document.getElementById('state');
  if (typeof DecompressionStream === 'undefined') {
    state.textContent = 'This browser is too old for the list (it has no DecompressionStream). The tables of this page show the most important findings.';
    return;
  }
  state.textContent = 'The list is being read…';
  const explorer = new Explorer(await readData());
  explorer.update();
  linkSummary(explorer);
  // Above the list the filters are folded; beside it they have no fold, and must be open.
  const isNarrow = window.matchMedia('(max-width: 1270px)');
  const fold = () => { document.getElementById('facets-box').open = !isNarrow.matches; };
  isNarrow.addEventListener('change', fold);
  fold();
  document.getElementById('explorer').hidden = false;
  document.documentElement.classList.add('ready');
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === '/' && !isTyping) { event.preventDefault(); explorer.inputs.search.focus(); }
  });
}

start().catch((error) => {
  document.getElementById('state').textContent = `The list cannot be read: ${error.message}. The tables of this page show the most important findings.`;
});
