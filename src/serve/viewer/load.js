// Scripts and styles that a page loads when they are first used, in the version of the page.
'use strict';
const load = (() => {
  const version = new URL(document.currentScript.src).search;
  const begun = new Map();

  function one(name) {
    const style = name.endsWith('.css');
    const element = document.createElement(style ? 'link' : 'script');
    const address = `/assets/${name}${version}`;
    // In the order in which they are asked for.
    Object.assign(element, style ? { rel: 'stylesheet', href: address } : { src: address, async: false });
    const loaded = new Promise((done, fail) => {
      element.addEventListener('load', done);
      element.addEventListener('error', () => fail(new Error(phrase`${name} could not be loaded`)));
    });
    document.head.append(element);
    return loaded.catch(error => {
      begun.delete(name);
      element.remove();
      throw error;
    });
  }

  return (...names) => Promise.all(names.map(name => {
    if (!begun.has(name)) begun.set(name, one(name));
    return begun.get(name);
  }));
})();
