// Where the server asks for signed addresses, the page's own address carries a signature: it goes on to every address that
// the page asks for or leads to, and nothing else of the query does.
'use strict';
const signed = (() => {
  const given = new URLSearchParams(location.search);
  const kept = ['expires', 'signature'].filter(key => given.has(key)).map(key => [key, given.get(key)]);
  const query = new URLSearchParams(kept).toString();
  return address => (query ? `${address}${address.includes('?') ? '&' : '?'}${query}` : address);
})();
