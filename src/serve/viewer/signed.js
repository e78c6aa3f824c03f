// Signed URLs: adds the signature of the page's own URL, and nothing else of its query, to every URL that the page requests
// or links to. The address of a comparison may have a signature for each slide, in their order. Who has neither signature nor session can
// log in.
'use strict';
const signed = (() => {
  const found = [];
  let parts = [];
  for (const pair of new URLSearchParams(location.search)) {
    if (!['annotate', 'expires', 'signature'].includes(pair[0])) continue;
    parts.push(pair);
    // `annotate` stands before the two others.
    if (['expires', 'signature'].every(key => parts.some(([known]) => known === key))) found.push(parts.splice(0));
  }
  if (parts.length) (found.length ? found.at(-1) : (found[0] = [])).push(...parts);
  const queries = found.map(each => new URLSearchParams(each).toString());
  const with_ = query => address => (query ? `${address}${address.includes('?') ? '&' : '?'}${query}` : address);
  // `count` is the number of signatures, and `by(index)` adds that of a slide: the only one is for all.
  // To the login page, and from there back to this view. A frame has no place for it.
  const logIn = () => {
    if (window.top === window) location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.search + location.hash })}`);
  };
  return Object.assign(with_(queries[0]), { logIn, count: queries.length, by: index => with_(queries.length > 1 ? queries[index] : queries[0]) });
})();
