import { useRef } from 'react'
import { askedChannel } from '../address.ts'
import type { Feed } from '../feed.ts'
import { download, fileName, ndjsonOf } from '../ring/save.ts'
import { Announcer } from './Announcer.tsx'
import { Console } from './Console.tsx'
import { Header } from './Header.tsx'
import { Help } from './Help.tsx'
import { Latest } from './Latest.tsx'
import { StatusLine } from './StatusLine.tsx'
import { useMe } from './useMe.ts'

export function App({ feed }: { feed: Feed }) {
  const me = useMe(feed)
  const help = useRef<HTMLDialogElement>(null)
  const channel = askedChannel(location.search) ?? me?.channel ?? ''
  const save = () => {
    download(fileName(channel, new Date()), ndjsonOf(feed.ring))
  }
  const showHelp = () => {
    if (!help.current?.open) help.current?.showModal()
  }
  return (
    <>
      <a className="skip" href="#latest">
        Skip to the latest lines as text
      </a>
      <Header me={me} channel={channel} onSave={save} onHelp={showHelp} />
      <main>
        <Console feed={feed} channel={channel} onHelp={showHelp} />
        <Latest feed={feed} />
      </main>
      <StatusLine feed={feed} me={me} channel={channel} />
      <Announcer feed={feed} />
      <Help dialog={help} />
    </>
  )
}
