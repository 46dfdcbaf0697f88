import { followTime } from "./clock.js";
import { wireCopy } from "./copy.js";
import { wireDecisions } from "./decide.js";
import { keepFolds } from "./folds.js";
import { followSubject } from "./live.js";
import { wirePage } from "./page.js";
import { wireThemeSwitch } from "./theme-switch.js";

wireThemeSwitch();
wirePage();
wireCopy();
wireDecisions();
keepFolds();
followTime();
followSubject();
