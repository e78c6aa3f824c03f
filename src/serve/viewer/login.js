// The part of an address after # never reaches a server: what the user is led to after the login gets it back here.
'use strict';
for (const field of document.getElementsByName('next')) {
  if (location.hash && !field.value.includes('#')) field.value += location.hash;
}
