// The completion scripts of bash, zsh and fish.

/** A word that can be typed, with its description. */
export interface CompletionWord {
  readonly word: string;
  readonly description: string;
}

/** The value of an option: one of these words, or `other`, which cannot be completed. */
type CompletionValue = 'none' | 'file' | 'directory' | 'other' | readonly string[];

export interface CompletionOption {
  /** Such as "-h" and "--help". */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: CompletionValue;
}

/** What can follow a command. */
export interface CompletionCommand {
  /** "portreeve portmap list". */
  readonly name: string;
  /** Commands in it, and words that an argument may be. */
  readonly words: readonly CompletionWord[];
  readonly options: readonly CompletionOption[];
  /** Whether an argument is a file. */
  readonly takesFiles: boolean;
}

/** The program is the first command. */
type Commands = readonly CompletionCommand[];

/** The text as one word, for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** "portreeve portmap list" for each command but the program itself, as patterns of case. */
function subcommands(commands: Commands): string[] {
  return commands.slice(1).map(({ name }) => name);
}

/** "command:flag" of each option with such a value, as patterns of case; without any, a pattern that never matches. */
function valuePatterns(commands: Commands, value: 'file' | 'directory' | 'other'): string {
  const patterns = commands.flatMap(({ name, options }) =>
    options
      .filter((option) => option.value === value)
      .flatMap(({ flags }) => flags.map((flag) => quoted(`${name}:${flag}`))),
  );
  return patterns.length === 0 ? "''" : patterns.join(' | ');
}

/** A branch of case for each option with a list of choices. */
function choiceBranches(commands: Commands, act: (words: readonly string[]) => string): string {
  const branches = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flags, value }) =>
      typeof value === 'string'
        ? []
        : flags.map((flag) => `    ${quoted(`${name}:${flag}`)}) ${act(value)} ;;\n`),
    ),
  );
  return branches.join('');
}

const plainWords = ({ words, options }: CompletionCommand) =>
  [...words.map(({ word }) => word), ...options.flatMap(({ flags }) => flags)].join(' ');

/** For bash 4 and newer. */
export function bashCompletion(commands: Commands): string {
  const branches = commands.map(({ takesFiles, ...command }) => {
    const files = takesFiles ? '; files=-f' : '';
    return `    ${quoted(command.name)}) words=${quoted(plainWords({ takesFiles, ...command }))}${files} ;;`;
  });
  return `# Completion of portreeve for bash: source <(portreeve completion bash)
_portreeve() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} at
  local command=portreeve words='' files=''
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$command \${COMP_WORDS[at]}" in
      ${subcommands(commands).map(quoted).join(' | ')})
        command+=" \${COMP_WORDS[at]}" ;;
    esac
  done
  # bash splits --option=value into three words.
  if [[ $word == '=' ]]; then word=''; elif [[ $previous == '=' ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  case "$command:$previous" in
    ${valuePatterns(commands, 'file')}) files=-f ;;
    ${valuePatterns(commands, 'directory')}) files=-d ;;
    ${valuePatterns(commands, 'other')}) ;;
${choiceBranches(commands, (words) => `words=${quoted(words.join(' '))}`)}    *)
      case "$command" in
${branches.map((line) => `    ${line}`).join('\n')}
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen \${files:+"$files"} -W "$words" -- "$word")
  if [[ $files ]]; then compopt -o filenames 2>/dev/null; fi
}
complete -F _portreeve portreeve
`;
}

/** For zsh with its completion system (compinit). */
export function zshCompletion(commands: Commands): string {
  const described = (entries: readonly (readonly [word: string, description: string])[]) =>
    entries.map(([word, text]) => quoted(`${word.replaceAll(':', '\\:')}:${text}`)).join(' ');
  const branches = commands.map(({ name, words, options, takesFiles }) => {
    const entries = [
      ...words.map(({ word, description }) => [word, description] as const),
      ...options.flatMap(({ flags, description }) => flags.map((flag) => [flag, description] as const)),
    ];
    const files = takesFiles ? '; _files' : '';
    return `    ${quoted(name)}) entries=(${described(entries)})${files} ;;`;
  });
  return `# Completion of portreeve for zsh: source <(portreeve completion zsh)
_portreeve() {
  local command=portreeve word
  local -a entries
  for word in "\${(@)words[2,CURRENT - 1]}"; do
    case "$command $word" in
      ${subcommands(commands).map(quoted).join(' | ')})
        command+=" $word" ;;
    esac
  done
  case "$command:\${words[CURRENT - 1]}" in
    ${valuePatterns(commands, 'file')}) _files; return ;;
    ${valuePatterns(commands, 'directory')}) _files -/; return ;;
    ${valuePatterns(commands, 'other')}) return ;;
${choiceBranches(commands, (words) => `compadd -- ${words.map(quoted).join(' ')}; return`)}  esac
  case "$command" in
${branches.join('\n')}
  esac
  _describe 'portreeve' entries
}
compdef _portreeve portreeve
`;
}

const FISH_VALUES = {
  none: '',
  file: ' -r -F',
  directory: " -x -a '(__fish_complete_directories)'",
  other: ' -x',
} as const;

/** For fish 3 and newer. */
export function fishCompletion(commands: Commands): string {
  const lines = commands.flatMap(({ name, words, options, takesFiles }) => {
    const at = `complete -c portreeve -n ${quoted(`__portreeve_at ${quoted(name)}`).replaceAll("'\\''", '"')}`;
    return [
      ...words.map(({ word, description }) => `${at} -a ${quoted(word)} -d ${quoted(description)}`),
      ...options.map(
        (option) => `${at}${fishFlags(option)} -d ${quoted(option.description)}${fishValue(option)}`,
      ),
      ...(takesFiles ? [`${at} -F`] : []),
    ];
  });
  return `# Completion of portreeve for fish: portreeve completion fish | source
function __portreeve_at
    set -l command portreeve
    for word in (commandline -opc)[2..]
        if contains -- "$command $word" ${subcommands(commands).map(quoted).join(' ')}
            set command "$command $word"
        end
    end
    test "$command" = "$argv"
end
complete -c portreeve -f
${lines.join('\n')}
`;
}

function fishValue({ value }: CompletionOption): string {
  return typeof value === 'string' ? FISH_VALUES[value] : ` -x -a ${quoted(value.join(' '))}`;
}

function fishFlags({ flags }: CompletionOption): string {
  return flags
    .map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`))
    .join('');
}
