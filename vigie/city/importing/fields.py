"""What a list can say of a camera, and the words that headings use for it in French, English and Arabic."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from anyascii import anyascii


@dataclass(frozen=True, slots=True)
class Field:
    """``words``: headings that mean it; ``meaning``: for the people who check the mapping."""

    name: str
    meaning: str
    words: tuple[str, ...]


FIELDS: Final = (
    Field("id", "its id in the city, if the list has one", ("id vigie", "vigie id", "id camera", "camera id", "identifiant", "identifiant camera")),
    Field("name", "what people call it; its id is made of it", (
        "nom", "nom camera", "nom de la camera", "camera", "cameras", "libelle", "designation", "repere", "code camera", "ref camera",
        "reference camera", "n camera", "numero camera", "name", "camera name", "device name", "label", "title", "tag",
        "اسم", "الاسم", "اسم الكاميرا", "الكاميرا", "كاميرا", "رقم الكاميرا",
    )),
    Field("site", "the site it stands at", (
        "site", "nom site", "nom du site", "code site", "site name", "lieu", "place", "location name", "building", "batiment",
        "الموقع", "موقع", "اسم الموقع",
    )),
    Field("lot", "the lot of its site, for sites that the city does not have yet", ("lot", "n lot", "numero lot", "tranche", "phase", "batch", "الحصة", "حصة", "القسط")),
    Field("district", "the district of its site, for new sites", (
        "quartier", "arrondissement", "zone", "secteur", "district", "area", "neighbourhood", "neighborhood", "commune", "الحي", "حي", "المنطقة", "المقاطعة",
    )),
    Field("address", "IPv4 address", (
        "ip", "adresse ip", "adr ip", "ip address", "address ip", "ipv4", "adresse ipv4", "ip camera", "adresse reseau", "host", "hote", "url", "url rtsp", "rtsp",
        "عنوان ip", "عنوان الشبكة", "العنوان ip",
    )),
    Field("mac", "MAC address", ("mac", "adresse mac", "mac address", "ethernet address", "adresse physique", "عنوان mac")),
    Field("serial", "serial number", (
        "n serie", "no serie", "numero serie", "numero de serie", "serie", "s n", "sn", "serial", "serial number", "serial no", "الرقم التسلسلي",
    )),
    Field("firmware", "firmware that runs on it", ("firmware", "version firmware", "micrologiciel", "version logicielle", "firmware version", "البرنامج الثابت")),
    Field("vendor", "who made it", ("marque", "fabricant", "constructeur", "brand", "make", "vendor", "manufacturer", "العلامة", "العلامة التجارية", "الشركة المصنعة", "الصانع")),
    Field("model", "model", (
        "modele", "modele camera", "reference", "ref", "ref materiel", "reference materiel", "type camera", "type de camera", "type materiel", "model", "camera model",
        "model number", "device type", "الطراز", "طراز", "الموديل", "موديل", "نوع الكاميرا",
    )),
    Field("encoder", "the encoder that it is wired to", ("encodeur", "nom encodeur", "encodeur video", "encoder", "encoder name", "video server", "serveur video", "المشفر", "مشفر")),
    Field("encoder_model", "model of that encoder", ("modele encodeur", "type encodeur", "encoder model", "encoder type")),
    Field("channel", "its input there, from 1", ("canal", "voie", "n voie", "n canal", "port encodeur", "entree video", "channel", "channel no", "ch", "input", "القناة", "قناة")),
    Field("channels", "how many inputs the device has", ("nombre de voies", "nb voies", "nb canaux", "nombre de canaux", "channels", "channel count", "inputs")),
    Field("profile", "stream profile of the city", ("profil", "profil video", "profil de flux", "profile", "stream profile", "qualite", "quality", "الملف")),
    Field("resolution", "picture size", ("resolution", "definition", "taille image", "megapixels", "mp", "image size", "frame size", "الدقة", "دقة", "دقة الصورة")),
    Field("codec", "video codec", ("codec", "encodage", "compression", "format video", "video codec", "encoding", "الترميز", "ترميز", "الضغط")),
    Field("fps", "frames a second", (
        "fps", "ips", "i s", "images s", "img s", "images par seconde", "nb images", "cadence", "frame rate", "framerate", "frames per second", "عدد الصور", "معدل الاطارات", "اطار في الثانية",
    )),
    Field("bitrate", "what its recorded stream sends", (
        "debit", "debit video", "debit mbps", "debit kbps", "bitrate", "bit rate", "bandwidth", "bande passante", "mbit s", "kbit s", "معدل البت", "التدفق", "الصبيب", "صبيب",
    )),
    Field("description", "where it looks, in words", (
        "emplacement", "description", "localisation", "adresse", "adresse postale", "observation", "observations", "commentaire", "commentaires", "remarque", "remarques", "vue",
        "champ de vision", "location", "position", "address", "comment", "comments", "notes", "view", "المكان", "الوصف", "وصف", "ملاحظات", "العنوان",
    )),
    Field("latitude", "degrees north, of its site", ("latitude", "lat", "gps lat", "coord y", "خط العرض")),
    Field("longitude", "degrees east, of its site", ("longitude", "long", "lon", "lng", "gps long", "coord x", "خط الطول")),
    Field("recorder", "what records it today; kept for taking it over", (
        "enregistreur", "nvr", "dvr", "enregistreur actuel", "serveur enregistrement", "serveur d enregistrement", "stockeur", "recorder", "recording server", "المسجل", "مسجل", "جهاز التسجيل",
    )),
)  # fmt: skip
NAMES: Final = tuple(field.name for field in FIELDS)
BY_NAME: Final = {field.name: field for field in FIELDS}

# Headings of columns whose cells are never shown, copied or compared: no list is a place for passwords, yet many hold them.
_SECRET: Final = (
    "mot de passe",
    "motdepasse",
    "mdp",
    "password",
    "passwd",
    "pwd",
    "pass",
    "كلمة السر",
    "كلمة المرور",
    "credentials",
    "identifiants",
    "login mdp",
)
_FILLERS: Final = frozenset({"de", "du", "des", "la", "le", "les", "l", "d", "of", "the", "a", "en", "et"})
_SINGULAR: Final = re.compile(r"[a-z]{4,}s")


@lru_cache(maxsize=20_000)
def words(text: str) -> str:
    """``text`` as headings are compared: lower case, no accents, no marks of Arabic, words parted by one space.

    ``"Débit (Mbit/s)"`` becomes ``"debit mbit s"``; ``"N° de série"`` becomes ``"n serie"``.
    """
    lowered = unicodedata.normalize("NFKD", text.replace("°", " ").replace("º", " ")).casefold()
    marked = "".join(sign for sign in lowered if not unicodedata.combining(sign) and sign != "\u0640")
    every = [word for word in re.split(r"[^\w]+|_", marked) if word]
    return " ".join([word for word in every if word not in _FILLERS] or every)


def slug(text: str) -> str:
    """``text`` as an RFC 1123 label of 63 characters at most, possibly empty: transliterated to ASCII, lower case,
    everything but letters and digits a hyphen. ``"Caméra n° 3, Place Batha"`` becomes ``"camera-n-3-place-batha"``."""
    latin = anyascii(unicodedata.normalize("NFKC", text.replace("°", " ").replace("º", " "))).lower()
    return re.sub(r"[^a-z0-9]+", "-", latin).strip("-")[:63].strip("-")


def is_secret(heading: str) -> bool:
    """Whether the column under ``heading`` holds passwords."""
    text = f" {words(heading)} "
    return any(f" {words(secret)} " in text for secret in _SECRET)


@lru_cache(maxsize=20_000)
def likeness(heading: str, field: str) -> float:
    """How well ``heading`` names ``field``, from 0 to 1 (the same words)."""
    text = words(heading)
    return max((_alike(text, words(word)) for word in BY_NAME[field].words), default=0.0) if text else 0.0


def _alike(heading: str, word: str) -> float:
    if heading == word:
        return 1.0
    if _stems(heading) == _stems(word):
        return 0.98
    have, want = set(heading.split()), set(word.split())
    if want <= have:  # "debit video moyen" holds "debit": the less is left over, the better
        return 0.55 + 0.35 * len(want) / len(have)
    return 0.9 * _closeness(heading, word) if len(word) > 3 else 0.0


def _closeness(heading: str, word: str) -> float:
    """How alike two texts are spelt; 0 below what a slip of the keyboard explains."""
    if min(len(heading), len(word)) < 0.7 * max(len(heading), len(word)):
        return 0.0
    matcher = SequenceMatcher(None, heading, word)
    if matcher.quick_ratio() < 0.85:
        return 0.0
    close = matcher.ratio()
    return close if close >= 0.85 else 0.0


@lru_cache(maxsize=20_000)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(word[:-1] if _SINGULAR.fullmatch(word) else word for word in text.split())
