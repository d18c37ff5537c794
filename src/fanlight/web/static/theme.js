// That scripts run here, and the colours that were chosen, before anything is painted: this one script is not deferred.
document.documentElement.dataset.theme = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1] ?? "";
document.documentElement.dataset.script = "on";
