const SEEN_BY_ALL = ['error', 'warning', 'notice']

/** Shows a step's log as GitHub does with all groups open: no commands that mask and match, and no debugging. */
export function renderer(show: (line: string) => void): (text: string) => void {
  let rest = ''
  let indent = ''
  const showLine = (line: string): void => {
    const [, command, words = ''] = /^::([a-z-]+)(?: [^:]*)?::(.*)$/.exec(line) ?? []
    if (command === undefined) show(`${indent}${line}`)
    else if (SEEN_BY_ALL.includes(command)) show(`${command}: ${words}`)
    else if (command === 'endgroup') indent = ''
    else if (command === 'group') {
      show(`\u25be ${words}`)
      indent = '  '
    }
  }
  return (text) => {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) showLine(line)
  }
}
