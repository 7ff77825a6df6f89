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
    this.inputs = Object.fromEntries(['search', 'since', 'until'].map((name) => [name, document.getElementById(name)]));
    let waiting = 0;
    for (const input of Object.values(this.inputs)) {
      input.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(() => this.update(), PAUSE); });
    }
    this.inputs.search.addEventListener('keydown', (event) => { if (event.key === 'Escape') { this.inputs.search.value = ''; this.update(); } });
    document.getElementById('clear').addEventListener('click', () => this.clear());
  }

  clear() {
    this.facets.forEach((facet) => { facet.chosen.clear(); facet.typed = ''; });
    Object.values(this.inputs).forEach((input) => { input.value = ''; });
    this.update();
  }

  /** Shows what has one value of a facet, and nothing else. */
  showOnly(key, value) {
    this.clear();
    this.facets.find((facet) => facet.key === key).chosen.add(value);
    this.update();
    document.getElementById('findings').scrollIntoView();
    this.inputs.search.focus({ preventScroll: true });
  }

  showTime(since, until) {
    this.clear();
    [this.inputs.since.value, this.inputs.until.value] = [since, until];
    this.update();
    document.getElementById('findings').scrollIntoView();
  }

  bounds() {
    return ['since', 'until'].map((name) => {
      const time = typedTime(this.inputs[name].value);
      this.inputs[name].setAttribute('aria-invalid', String(Number.isNaN(time)));
      return Number.isNaN(time) ? null : time;
    });
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
      if ((since !== null && !(findings.last[finding] >= since)) || (until !== null && !(findings.first[finding] < until && findings.first[finding] !== null))) continue;
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
    const chosen = this.facets.flatMap((facet) => [...facet.chosen].map((value) => {
      const button = makeButton('', `${facet.title}: ${short(facet.label(value))} ×`, () => { facet.chosen.delete(value); this.update(); });
      button.setAttribute('aria-label', `Remove the filter ${facet.title}: ${facet.label(value)}`);
      return button;
    }));
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
    const show = () => explorer.showTime(bar.dataset.since, bar.dataset.until);
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
  if (window.matchMedia('(max-width: 1000px)').matches) document.getElementById('facets-box').open = false;
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
