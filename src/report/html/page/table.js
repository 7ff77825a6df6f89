// The list of findings: sorted, in pages, each row opens.

/** Where each text stands in the order of all, those that are equal at one place: sorting by text compares numbers. */
function ranks(texts) {
  const order = Uint32Array.from(texts, (_, id) => id).sort((a, b) => (texts[a] < texts[b] ? -1 : texts[a] > texts[b] ? 1 : a - b));
  const rank = new Uint32Array(texts.length);
  order.forEach((id, place) => { rank[id] = place > 0 && texts[order[place - 1]] === texts[id] ? rank[order[place - 1]] : place; });
  return rank;
}

/** Characters of the longest host that stands on one line, beside whatever else the row has: `ws01.corp.example`. */
const WHOLE_HOST = 18;

/** Characters of details in a row: some three lines. */
const DETAILS = 100;

/**
 * The columns: a title, a class, what a cell shows, and the number that it is sorted by; `null` where it has no value, which comes last
 * both ways. `isDown`: the highest comes first until somebody turns the order around.
 */
function makeColumns(data, lowered) {
  const { findings, rules, names } = data;
  const text = (id) => names.texts[id];
  let rank = null;
  const place = (id) => { rank ??= ranks(lowered); return id === undefined ? null : rank[id]; };
  const happened = (i) => findings.details[i] || findings.message[i];
  const named = (lists, ids, whole) => (finding) => {
    const own = [...lists.of(finding)].map((id) => short(text(ids[id])));
    const shown = own.slice(0, 2).flatMap((name, place) => [...(place > 0 ? [', '] : []), ...(name.length <= whole ? [make('span', 'whole', name)] : breakable(name))]);
    return make('span', '', ...shown, own.length > 2 ? ` and ${own.length - 2} more` : '');
  };
  return [
    { key: 'level', title: 'Level', isDown: true, cell: (i) => levelMark(findings.level[i]), by: (i) => -findings.level[i] },
    { key: 'time', title: 'First (UTC)', className: 'time', cell: (i) => timeText(findings.first[i]).slice(0, 19), by: (i) => findings.first[i] },
    { key: 'rule', title: 'Rule', by: (i) => place(rules.title[findings.rule[i]]) },
    { key: 'host', title: 'Host', className: 'host', cell: named(findings.hosts, names.hosts, WHOLE_HOST), by: (i) => place(names.hosts[findings.hosts.of(i)[0]]) },
    { key: 'user', title: 'User', className: 'user', cell: named(findings.users, names.users, 0), by: (i) => place(names.users[findings.users.of(i)[0]]) },
    { key: 'count', title: 'Events', className: 'number', isDown: true, cell: (i) => grouped.format(findings.count[i]), by: (i) => findings.count[i] },
    { key: 'details', title: 'Details', className: 'details', cell: (i) => make('span', '', ...detailParts(beginning(text(happened(i)), DETAILS))), by: (i) => place(happened(i) || undefined) },
    { key: 'status', title: 'Status', className: 'status', cell: (i) => make('span', '', ...breakable(short(text(names.statuses[findings.status[i]])))), by: (i) => place(names.statuses[findings.status[i]]) },
  ];
}

class FindingTable {
  constructor(data, lowered) {
    Object.assign(this, { data, columns: makeColumns(data, lowered), sort: 'level', isDown: true, page: 0, size: 50 });
    this.found = new Uint32Array(0);
    this.opened = new Set();
    this.body = document.getElementById('rows');
    this.drawHead();
    const turn = (pages, pressed, other) => pressed.addEventListener('click', () => {
      this.page += pages;
      this.draw();
      // A button that cannot be pressed any more loses the focus.
      if (pressed.disabled) other.focus({ preventScroll: true });
      document.getElementById('findings').scrollIntoView();
    });
    const [previous, next] = ['previous', 'next'].map((name) => document.getElementById(name));
    turn(-1, previous, next);
    turn(1, next, previous);
    const size = document.getElementById('size');
    size.addEventListener('change', () => { this.size = Number(size.value); this.page = 0; this.draw(); });
    this.body.addEventListener('keydown', (event) => this.whenKey(event));
  }

  drawHead() {
    const heads = this.columns.map((column) => {
      const head = make('th', column.className === 'number' ? 'number' : '', makeButton('', column.title, () => this.sortBy(column.key)));
      head.scope = 'col';
      head.dataset.key = column.key;
      return head;
    });
    document.getElementById('columns').replaceChildren(...heads);
  }

  sortBy(key) {
    this.isDown = this.sort === key ? !this.isDown : this.columns.find((column) => column.key === key).isDown === true;
    this.sort = key;
    this.order();
    this.draw();
  }

  /** Takes the findings that pass the filters. */
  show(found) {
    this.found = found;
    this.order();
    this.draw();
  }

  order() {
    const { by } = this.columns.find((column) => column.key === this.sort);
    const { first } = this.data.findings;
    const keys = new Float64Array(first.length);
    const sign = this.isDown ? -1 : 1;
    for (const finding of this.found) {
      const key = by(finding);
      keys[finding] = key === null ? Number.MAX_SAFE_INTEGER : sign * key;
    }
    // Within one level the newest come first: that is where somebody who responds begins.
    this.found.sort((a, b) => keys[a] - keys[b] || (first[b] ?? 0) - (first[a] ?? 0) || a - b);
    this.page = 0;
    for (const head of document.querySelectorAll('#columns th')) {
      head.setAttribute('aria-sort', head.dataset.key !== this.sort ? 'none' : this.isDown ? 'descending' : 'ascending');
    }
  }

  draw() {
    const pages = Math.max(1, Math.ceil(this.found.length / this.size));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const shown = this.found.subarray(this.page * this.size, (this.page + 1) * this.size);
    this.body.replaceChildren(...[...shown].flatMap((finding) => this.rows(finding)));
    const all = this.data.findings.id.length;
    const count = this.found.length === all ? counted(all, 'finding') : `${grouped.format(this.found.length)} of ${counted(all, 'finding')}`;
    document.getElementById('count').textContent = count;
    document.getElementById('place').textContent = `Page ${grouped.format(this.page + 1)} of ${grouped.format(pages)}`;
    document.getElementById('previous').disabled = this.page === 0;
    document.getElementById('next').disabled = this.page === pages - 1;
  }

  rows(finding) {
    const { findings, rules, names } = this.data;
    const isOpen = this.opened.has(finding);
    const cells = this.columns.map((column) => {
      if (column.key !== 'rule') {
        const cell = make('td', column.className ?? '', column.cell(finding));
        if (column.key !== 'level') cell.dataset.label = column.title;
        return cell;
      }
      const button = makeButton('plain open', short(names.texts[rules.title[findings.rule[finding]]]), () => this.toggle(finding));
      button.setAttribute('aria-expanded', String(isOpen));
      button.dataset.finding = String(findings.id[finding]);
      const head = make('th', '', button);
      head.scope = 'row';
      return head;
    });
    const row = make('tr', 'finding', ...cells);
    return isOpen ? [row, this.detailRow(finding)] : [row];
  }

  detailRow(finding) {
    const cell = make('td', '', findingDetail(this.data, finding));
    cell.colSpan = this.columns.length;
    return make('tr', 'detail', cell);
  }

  toggle(finding) {
    const button = this.body.querySelector(`button[data-finding="${this.data.findings.id[finding]}"]`);
    const row = button.closest('tr');
    if (this.opened.delete(finding)) row.nextElementSibling.remove();
    else {
      this.opened.add(finding);
      row.after(this.detailRow(finding));
    }
    button.setAttribute('aria-expanded', String(this.opened.has(finding)));
  }

  whenKey(event) {
    const buttons = [...this.body.querySelectorAll('button.open')];
    const detail = event.target.closest('tr.detail');
    const own = event.target.closest('tr.finding')?.querySelector('button.open') ?? detail?.previousElementSibling.querySelector('button.open');
    const at = buttons.indexOf(own);
    if (at < 0) return;
    if (event.key === 'Escape' && own.getAttribute('aria-expanded') === 'true') {
      own.click();
      own.focus();
    } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target === own) {
      event.preventDefault();
      buttons[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
    }
  }
}
