// The addresses of the server as its OpenAPI document describes them. The document enters the page only as text.
'use strict';
(() => {
  const byId = id => document.getElementById(id);

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  // What a `$ref` leads to.
  function resolve(api, value) {
    if (!value?.$ref) return value;
    return value.$ref.slice(2).split('/').reduce((part, key) => part?.[key], api);
  }

  function table(head, rows) {
    const made = element('table');
    const line = (cells, kind) => {
      const row = element('tr');
      row.append(...cells.map(text => element(kind, text)));
      return row;
    };
    made.append(line(head, 'th'), ...rows.map(row => line(row, 'td')));
    return made;
  }

  // A schema in a line: its name, or its type with its limits.
  function form(schema) {
    if (!schema) return '';
    if (schema.$ref) return schema.$ref.split('/').pop();
    if (schema.enum) return schema.enum.join(', ');
    const limits = [['minimum', 'from'], ['exclusiveMinimum', 'above'], ['maximum', 'to']];
    return [schema.type, ...limits.filter(([key]) => key in schema).map(([key, word]) => `${word} ${schema[key]}`)].join(' ');
  }

  const kinds = content => Object.entries(content ?? {}).map(([kind, { schema }]) => [kind, form(schema)].filter(Boolean).join(': ')).join('; ');

  function operation(api, path, method, of) {
    const made = element('details');
    const summary = element('summary');
    summary.append(element('span', method, 'method'), element('code', path), of.summary);
    made.append(summary);
    const parameters = of.parameters.map(parameter => resolve(api, parameter));
    if (parameters.length) {
      const rows = parameters.map(({ name, in: place, description, schema }) => [name, place, form(schema), description]);
      made.append(table(['Parameter', 'In', 'Form', ''], rows));
    }
    if (of.requestBody) made.append(element('p', `Body: ${kinds(of.requestBody.content)}`));
    const answers = Object.entries(of.responses).map(([status, answer]) => [status, resolve(api, answer)]);
    made.append(table(['Answer', '', 'Body', 'Headers'], answers.map(([status, { description, content, headers }]) =>
      [status, description, kinds(content), Object.keys(headers ?? {}).join(', ')])));
    return made;
  }

  function schema(name, of) {
    const made = element('details');
    const summary = element('summary');
    summary.append(element('code', name), of.description ?? '');
    made.append(summary, element('pre', JSON.stringify(of, null, 2)));
    return made;
  }

  async function show() {
    const reply = await fetch('/api/openapi.json');
    if (!reply.ok) throw new Error(`the document was not sent: ${reply.status}`);
    const api = await reply.json();
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, of]) => operation(api, path, method, of)));
    byId('addresses').replaceChildren(...operations);
    byId('schemas').replaceChildren(...Object.entries(api.components.schemas).map(([name, of]) => schema(name, of)));
    byId('schemas-title').hidden = false;
    byId('message').textContent = `${operations.length} operations, version ${api.info.version}`;
  }

  show().catch(error => { byId('message').textContent = error.message; });
})();
