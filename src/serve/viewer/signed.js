// Signed URLs: adds the signature of the page's own URL, and nothing else of its query, to every URL that the page requests
// or links to.
'use strict';
const signed = (() => {
  const given = new URLSearchParams(location.search);
  const kept = ['annotate', 'expires', 'signature'].filter(key => given.has(key)).map(key => [key, given.get(key)]);
  const query = new URLSearchParams(kept).toString();
  return address => (query ? `${address}${address.includes('?') ? '&' : '?'}${query}` : address);
})();
