// The colours that were chosen, before anything is painted: this one script is not deferred.
document.documentElement.dataset.theme = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1] ?? "";
