import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** What the numbers depend on. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  readonly git: string
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    git: execFileSync('git', ['--version'], { encoding: 'utf8' }).trim().replace('git version ', ''),
  }
}

export function machineWords({ processor, cores, memoryBytes, kernel, node, git }: Machine): string {
  const memory = `${(memoryBytes / 1024 ** 3).toFixed(0)} GiB of memory`
  return `${processor}, ${cores} cores, ${memory}, ${kernel}, Node ${node}, git ${git}`
}

/** A warning where the machine had other things to do in the last minute. */
export function busyWords(): string | undefined {
  const [load = 0] = loadavg()
  if (load < availableParallelism() / 4) return undefined
  return `the machine is busy (a load of ${load.toFixed(1)}): this action, which uses all cores, then looks worse`
}
