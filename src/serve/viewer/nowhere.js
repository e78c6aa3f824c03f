// The page of an address that has none. The way to the list takes the signature of the address along.
'use strict';
document.getElementById('to-list').href = signed('/');
