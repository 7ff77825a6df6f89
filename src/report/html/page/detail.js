// What a finding opens to.

/** Names and values; what has no value is left out. */
function pairs(entries) {
  const list = make('dl', 'pairs');
  for (const [name, ...values] of entries) {
    const kept = values.filter((value) => value !== '' && value !== null && value !== undefined);
    if (kept.length > 0) list.append(make('dt', '', name), ...kept.map((value) => make('dd', '', ...(typeof value === 'string' ? breakable(value) : [value]))));
  }
  return list;
}

/** Details with the fields that the rule tested in bold: their labels end with `*`. */
function detailParts(text) {
  const parts = [];
  text.split(' · ').forEach((part, index) => {
    if (index > 0) parts.push(' · ');
    const colon = part.indexOf('*: ');
    if (colon > 0) parts.push(make('b', 'tested', part.slice(0, colon), ': '), ...breakable(part.slice(colon + 3)));
    else parts.push(...breakable(part));
  });
  return parts;
}

function titledBlock(title, ...content) {
  return [make('h4', '', title), ...content];
}

function headedTable(caption, heads, rows) {
  const head = make('tr', '', ...heads.map((text) => { const cell = make('th', '', text); cell.scope = 'col'; return cell; }));
  return make('div', 'scroll', make('table', '', make('caption', '', caption), make('thead', '', head), make('tbody', '', ...rows)));
}

function evidenceTable(data, finding, text) {
  const { findings, events, sources } = data;
  const ids = findings.events.of(finding);
  const rows = [...ids].map((event) => {
    const source = events.source[event];
    const cells = [timeText(events.time[event]), text(events.host[event]), text(events.kind[event]), text(sources.path[source]), String(events.record[event])];
    const row = make('tr', '', ...cells.map((cell, index) => (index === 0 ? make('td', 'time', cell) : make('td', '', ...breakable(cell)))));
    // A hash in two lines: it is compared by eye or copied, and one line would push the table off the page.
    const hash = text(sources.sha256[source]);
    row.append(make('td', 'hash', hash.slice(0, 32), make('wbr', ''), hash.slice(32)));
    return row;
  });
  const all = findings.count[finding];
  const shown = ids.length < all ? `${counted(ids.length, 'event')} of ${grouped.format(all)}` : counted(ids.length, 'event');
  return headedTable(`${shown}; \`retrohunt findings show ${findings.id[finding]}\` has every field`, ['Time (UTC)', 'Host', 'Event', 'File', 'Record', 'SHA-256 of the file'], rows);
}

/** The processes of a finding's events: those that started them above, what they started below. */
function processTrees(data, finding, text) {
  const { findings, events, processes } = data;
  const own = new Set([...findings.events.of(finding)].map((event) => events.process[event]).filter((process) => process !== null));
  const roots = new Set();
  const shown = new Set(own);
  for (const process of own) {
    let at = process;
    // A chain has an end: numbers of parents could go round where a log was forged.
    for (let steps = 0; steps < 32 && processes.parent[at] !== null; steps += 1) { at = processes.parent[at]; shown.add(at); }
    roots.add(at);
    processes.children.of(process).forEach((child) => shown.add(child));
  }
  const drawn = new Set();
  const item = (process) => {
    drawn.add(process);
    const label = make('span', own.has(process) ? 'own' : '', ...breakable(text(processes.image[process]) || '(unknown program)'));
    const line = make('li', '', label);
    if (own.has(process)) line.append(' (in this finding)');
    const facts = [timeText(processes.time[process]), text(processes.user[process])].filter((fact) => fact !== '').join(' · ');
    if (facts) line.append(' ', make('span', 'note', facts));
    const command = text(processes.command[process]);
    if (command) line.append(make('div', 'code', command));
    const below = [...processes.children.of(process)].filter((child) => shown.has(child) && !drawn.has(child));
    if (below.length > 0) line.append(make('ul', '', ...below.map(item)));
    return line;
  };
  return roots.size === 0 ? null : make('ul', 'tree', ...[...roots].filter((root) => !drawn.has(root)).map(item));
}

function ruleBlock(data, rule, text) {
  const { rules } = data;
  const lines = (lists) => [...lists.of(rule)].map(text);
  return pairs([
    ['Description', text(rules.description[rule])],
    ['False positives', ...lines(rules.falsePositives)],
    ['References', ...lines(rules.references)],
    ['Author', text(rules.author[rule])],
    ['Level', text(rules.level[rule])],
    ['Status', text(rules.status[rule])],
    ['Techniques', [...rules.techniques.of(rule)].map((id) => text(data.names.techniques[id])).join(', ')],
    ['Techniques as the rule has them', lines(rules.ownTechniques).join(', ')],
    ['Fields tested', lines(rules.fields).join(', ')],
    ['Rule id', text(rules.id[rule])],
    ['File', text(rules.path[rule])],
  ]);
}

function findingDetail(data, finding) {
  const { findings, rules, names } = data;
  const text = (id) => names.texts[id];
  const rule = findings.rule[finding];
  const box = make('div', 'detail');
  const values = findings.values.of(finding);
  const result = [];
  for (let at = 0; at < values.length; at += 2) result.push([text(values[at]), text(values[at + 1])]);
  const risk = findings.risk[finding];
  const details = text(findings.details[finding]);
  box.append(...titledBlock('What happened', pairs([
    ['Message', text(findings.message[finding])],
    ['Details', details === '' ? '' : make('span', '', ...detailParts(details))],
    ['Hosts', [...findings.hosts.of(finding)].map((id) => text(names.hosts[id])).join('\n')],
    ['Users', [...findings.users.of(finding)].map((id) => text(names.users[id])).join('\n')],
    ['First', timeText(findings.first[finding])],
    ['Last', timeText(findings.last[finding])],
    ['Risk score', risk === null ? '' : String(risk)],
    ['Note', text(findings.note[finding])],
    ['Finding', `${findings.id[finding]}`],
  ])));
  if (result.length > 0) box.append(...titledBlock('Values', pairs(result)));
  const tree = processTrees(data, finding, text);
  if (tree !== null) box.append(...titledBlock('Processes', tree));
  box.append(...titledBlock('Evidence', evidenceTable(data, finding, text)));
  box.append(...titledBlock('Rule', ruleBlock(data, rule, text)));
  const sql = text(rules.sql[rule]);
  if (sql) box.append(make('details', '', make('summary', '', 'SQL of the rule'), make('pre', 'code', sql)));
  return box;
}
