// What a reader sees and does, for the tests: it goes through the page's own controls and reads its text, never its data.
window.reader = (() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const one = (selector, inside = document) => inside.querySelector(selector);
  const number = (text) => Number(text.replaceAll(',', ''));
  const found = () => number(one('#count').textContent.split(' ')[0]);
  const box = (facet) => one(`#facets fieldset[data-facet="${facet}"]`);
  const items = (facet) => all('li', box(facet));
  const value = (item) => ({ name: one('.name, .level', item).textContent, count: number(one('.number', item).textContent), chosen: one('input', item).checked });
  const clear = () => { one('#clear').click(); return found(); };

  const size = (rows) => { one('#size').value = String(rows); one('#size').dispatchEvent(new Event('change')); };

  /** The findings of the list, over all its pages. */
  const ids = () => {
    const shown = () => all('#rows button.open').map((button) => Number(button.dataset.finding));
    if (one('#previous').disabled && one('#next').disabled) return shown();
    // Hidden meanwhile: pages that nobody looks at need not be laid out.
    one('#explorer').hidden = true;
    const rows = one('#size').value;
    size(250);
    while (!one('#previous').disabled) one('#previous').click();
    const out = [];
    for (;;) {
      out.push(...shown());
      if (one('#next').disabled) break;
      one('#next').click();
    }
    size(rows);
    one('#explorer').hidden = false;
    return out;
  };

  /** Lists all that facets list: presses each `Show 20 of 300`. */
  const widen = () => all('#facets button.plain').forEach((button) => button.textContent.startsWith('Show f') || button.click());
  const narrow = () => all('#facets button.plain').forEach((button) => button.textContent.startsWith('Show f') && button.click());
  const facets = () => Object.fromEntries(all('#facets fieldset').map((one) => [one.dataset.facet, all('li', one).map(value)]));

  /** Ticks a value, reads what the list then has, and unticks it: at its box and at the button of the chosen filter in turn. */
  const tryItem = (facet, item, turn) => {
    const { name, count } = value(item);
    one('input', item).click();
    const chosen = all('#chosen button').map((button) => button.textContent);
    const tried = { name, count, found: found(), ids: ids(), chosen };
    if (turn % 2 === 0) one('#chosen button').click();
    else one('input:checked', box(facet)).click();
    return tried;
  };
  const tryPlaces = (facet, places) => places.map((place) => tryItem(facet, items(facet)[place], place));

  const type = (input, text) => { input.value = text; input.dispatchEvent(new Event('input')); };
  /** A value that is listed only when it is typed. */
  const tryTyped = (facet, name) => {
    type(one('input[type="search"]', box(facet)), name);
    const item = items(facet).find((item) => value(item).name.toLowerCase() === name);
    const tried = item === undefined ? null : tryItem(facet, item, 1);
    type(one('input[type="search"]', box(facet)), '');
    return tried;
  };

  /** Ticks values, one after the other, and reads what is left. `null` where one is not listed: what was ticked before leaves nothing of it. */
  const combine = (values) => {
    clear();
    for (const [facet, name] of values) {
      const item = items(facet).find((item) => value(item).name.toLowerCase() === name);
      if (item === undefined) return null;
      one('input', item).click();
    }
    return { ids: ids(), found: found(), facets: facets() };
  };

  /** Enters a text into one of the tools. */
  const enter = (name, text) => { one(`#${name}`).value = text; one(`#${name}`).dispatchEvent(new Event('change')); return { found: found(), ids: ids() }; };
  /** The same without Enter: the list is drawn anew when typing pauses. */
  const tool = (name, text) => new Promise((done) => {
    const watcher = new MutationObserver(() => { watcher.disconnect(); done(found()); });
    watcher.observe(one('#count'), { childList: true });
    type(one(`#${name}`), text);
  });

  const pairs = (list) => {
    const out = {};
    for (const part of list.children) {
      if (part.tagName === 'DT') out[part.textContent] = [];
      else Object.values(out).at(-1).push(part.textContent);
    }
    return out;
  };
  const tree = (list) => all('.own', list).map((own) => {
    const item = own.closest('li');
    const above = item.parentElement.closest('li');
    return { image: own.textContent, command: one(':scope > .code', item)?.textContent ?? '', note: one(':scope > .note', item)?.textContent ?? '',
      parent: above === null ? null : one(':scope > span', above).textContent };
  });
  const detail = (row) => {
    const parts = {};
    let title = '';
    for (const part of one('div.detail', row).children) {
      if (part.tagName === 'H4') title = part.textContent;
      else if (part.tagName === 'DL') parts[title] = pairs(part);
      else if (part.tagName === 'UL') parts[title] = tree(part);
      else if (part.tagName === 'DETAILS') parts.sql = one('pre', part).textContent;
      else parts[title] = { caption: one('caption', part).textContent, rows: all(':scope tbody tr', part).map((row) => all('td', row).map((cell) => cell.textContent)) };
    }
    return parts;
  };
  /** Opens each finding of this page of the list, reads what it opens to, and closes it. */
  const details = () => all('#rows button.open').map((button) => {
    button.click();
    const row = button.closest('tr').nextElementSibling;
    const read = { id: Number(button.dataset.finding), ...detail(row) };
    button.click();
    return { ...read, closed: one(`#rows tr.detail`) === null };
  });

  /** The cells of this page's rows by column. */
  const cells = () => all('#rows tr.finding').map((row) => [...row.cells].map((cell) => cell.textContent));
  /** Presses a column and says how the page says that it is sorted. */
  const sort = (key) => { one(`#columns th[data-key="${key}"] button`).click(); return all('#columns th').filter((head) => head.getAttribute('aria-sort') !== 'none').map((head) => `${head.dataset.key} ${head.getAttribute('aria-sort')}`).join(); };

  const matrix = () => all('.matrix section').flatMap((section) => all('li', section).map((item) => (
    { tactic: one('h3', section).textContent, name: item.firstElementChild.textContent, word: one('.word', item).textContent, state: item.className, link: one('button', item) !== null })));

  /** All that a reader could use, as it stands on the screen. */
  const controls = () => all('a[href], button, input, select, summary, [tabindex="0"]').filter((one) => !one.disabled && one.checkVisibility({ visibilityProperty: true }));
  let reached = [];
  const watchFocus = () => { reached = []; document.addEventListener('focusin', (event) => reached.push(event.target)); return controls().length; };
  const missed = () => controls().filter((one) => !reached.includes(one)).map((one) => `${one.tagName} ${one.id} ${one.textContent}`.slice(0, 80));

  /** Words that are broken over two lines where they need not be. What is longer than any name may be broken anywhere. */
  const broken = () => {
    const places = all('#table th, #table tr.finding td:not(.details), .detail td:not(.hash), .detail dd, #summary th, #summary td, #static th, #static td:not(.text), .matrix li, #risk th, #risk td, #facets .name');
    const out = [];
    for (const place of places.filter((one) => one.checkVisibility())) {
      // Words go on over the places where a line may end.
      const nodes = [];
      let text = '';
      const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        nodes.push({ node: walker.currentNode, start: text.length });
        text += walker.currentNode.textContent;
        if (walker.currentNode.nextSibling?.nodeName !== 'WBR') text += ' ';
      }
      const at = (range, end, offset) => {
        const { node, start } = nodes.findLast((one) => one.start <= offset - (end ? 1 : 0));
        range[end ? 'setEnd' : 'setStart'](node, Math.min(offset - start, node.length));
      };
      for (const word of text.matchAll(/[\p{L}\p{N}]+/gu)) {
        // `ServerLevelPlugin` may be broken between its parts.
        const parts = word[0].length >= 14 ? word[0].split(/(?<=[a-z])(?=[A-Z])/) : [word[0]];
        let offset = word.index;
        for (const part of parts) {
          const range = document.createRange();
          at(range, false, offset);
          at(range, true, offset + part.length);
          offset += part.length;
          const lines = new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top)));
          if (lines.size > 1 && part.length < 20) out.push(`${place.tagName} ${place.className} ${part} in ${text}`.slice(0, 120));
        }
      }
    }
    return out;
  };

  /** What of the list, or of a table above or below it, is outside of its box. */
  const outside = () => {
    const out = all('.scroll').filter((box) => box.checkVisibility() && box.closest('.detail') === null && box.scrollWidth > box.clientWidth)
      .map((box) => `${one('caption', box).textContent.slice(0, 40)}: ${box.scrollWidth} px in ${box.clientWidth}`);
    const edge = one('#table').closest('.scroll').getBoundingClientRect().right;
    for (const cell of all('#columns th, #rows tr.finding > *').filter((one) => one.checkVisibility())) {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const right = Math.min(edge, cell.getBoundingClientRect().right) + 1;
      if ([...range.getClientRects()].some((box) => box.width > 0 && box.right > right)) out.push(`${cell.tagName} ${cell.className} ${cell.textContent}`.slice(0, 80));
    }
    return out;
  };

  /** What is printed without that which it belongs to: a fold of the timeline without its table, techniques that are not beneath their tactic. */
  const parted = () => [
    ...all('#summary summary').filter((one) => one.checkVisibility() && !one.parentElement.open).map((one) => one.textContent),
    ...all('.matrix section').filter((section) => {
      const end = one('h3', section).getBoundingClientRect().bottom - 1;
      return getComputedStyle(section).breakInside !== 'avoid' || all('li, summary', section).some((item) => item.checkVisibility() && item.getBoundingClientRect().top < end);
    }).map((section) => one('h3', section).textContent),
  ];

  /** Hosts on several lines that are short enough for one, and dates on several. */
  const squeezed = () => [...all('#rows td.time').filter((one) => one.checkVisibility() && one.textContent !== '').filter((one) => {
    const range = document.createRange();
    range.setStart(one.firstChild, 0);
    range.setEnd(one.firstChild, 10);
    return range.getClientRects().length > 1;
  }), ...all('#rows td.host > span').filter((one) => one.textContent.length <= 18 && !one.textContent.includes(', ') && one.checkVisibility() && one.getBoundingClientRect().height > 25)].map((one) => one.textContent);

  /** Everything that filters change, to see that nothing is left of them. */
  const state = () => {
    widen();
    const read = { ids: ids(), facets: facets(), chosen: all('#chosen button').length, tools: ['search', 'since', 'until'].map((name) => one(`#${name}`).value) };
    narrow();
    return JSON.stringify(read);
  };

  return { all, one, number, found, ids, size, widen, facets, clear, tryPlaces, tryTyped, combine, enter, tool, details, cells, sort, matrix, controls, watchFocus, missed, broken, outside, parted, squeezed, state, reached: () => reached.length };
})();
1
