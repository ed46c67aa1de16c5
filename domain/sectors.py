"""The sector of each symbol, for the limit on the share of equity in one sector.

Large American companies and the usual funds by GICS sector, as commonly known; a coin's sector is
its asset class. A fund of the whole market is `BROAD`, which is not a sector. A symbol that is not
listed has an unknown sector, which is different. Leaves out history: a company that changed its
sector is listed under its present one.
"""

from collections.abc import Mapping

from domain.symbols import AssetClass, asset_class

BROAD = "broad market"
"""A fund of the whole market: not a sector, so the sector limit does not apply."""
COINS = "digital assets"

_BY_SECTOR = {
    "information technology": (
        "AAPL MSFT NVDA AVGO ORCL CRM ADBE AMD INTC CSCO QCOM TXN IBM ACN INTU NOW AMAT MU LRCX "
        "KLAC ADI PANW CRWD SNPS CDNS ANET MRVL NXPI FTNT MSI ROP APH TEL GLW HPQ HPE DELL WDC "
        "STX NTAP MCHP ON SWKS KEYS CTSH IT ADSK WDAY TEAM SNOW DDOG NET PLTR ZS MDB OKTA SHOP "
        "TSM ASML SAP SONY SMCI ARM XLK VGT SMH SOXX IYW"
    ),
    "communication services": (
        "GOOGL GOOG META NFLX DIS CMCSA T VZ TMUS CHTR EA TTWO WBD PARA FOX FOXA OMC IPG LYV MTCH "
        "SPOT PINS SNAP ROKU BIDU XLC VOX"
    ),
    "consumer discretionary": (
        "AMZN TSLA HD MCD NKE LOW SBUX BKNG TJX TGT GM F ORLY AZO MAR HLT ROST CMG YUM DHI LEN "
        "EBAY ETSY LULU ULTA BBY DRI CCL RCL LVS MGM WYNN RIVN LCID ABNB DASH BABA JD PDD TM HMC "
        "XLY VCR ITB XHB"
    ),
    "consumer staples": (
        "PG KO PEP WMT COST PM MO MDLZ CL KMB GIS K KHC HSY SYY KR STZ EL MNST KDP TSN ADM CAG "
        "CPB CLX CHD HRL SJM DG DLTR WBA UL DEO BUD XLP VDC"
    ),
    "health care": (
        "UNH JNJ LLY PFE ABBV MRK TMO ABT DHR BMY AMGN GILD CVS CI ELV HUM MDT SYK BSX ISRG BDX "
        "ZTS REGN VRTX BIIB MRNA HCA EW IDXX IQV A BAX ILMN DXCM MCK CAH COR COO ALGN NVO AZN "
        "NVS GSK SNY BNTX XLV VHT IBB XBI"
    ),
    "financials": (
        "BRK-B BRK-A JPM BAC WFC C GS MS V MA AXP BLK SCHW SPGI MCO CME ICE CB PGR MMC AON TRV "
        "ALL AIG MET PRU AFL USB PNC TFC COF BK STT NTRS FITB KEY RF HBAN CFG MTB DFS SYF PYPL "
        "SQ XYZ FIS FI GPN KKR BX APO COIN HOOD SOFI HSBC UBS RY TD XLF VFH KRE KBE"
    ),
    "industrials": (
        "BA CAT GE GEV HON UNP UPS RTX LMT DE MMM FDX NOC GD CSX NSC EMR ETN ITW PH WM RSG CMI "
        "PCAR ROK JCI CARR OTIS TT LHX TDG HWM GWW FAST CTAS ADP PAYX VRSK DAL UAL LUV AAL UBER "
        "LYFT XYL DOV IR SWK XLI VIS IYT ITA JETS"
    ),
    "energy": (
        "XOM CVX COP SLB EOG MPC PSX VLO OXY PXD HES KMI WMB OKE HAL BKR DVN FANG APA CTRA MRO "
        "TRGP LNG SHEL BP TTE EQNR ENB XLE VDE XOP OIH"
    ),
    "materials": (
        "LIN APD SHW ECL FCX NEM DOW DD NUE CTVA PPG VMC MLM ALB LYB IFF CF MOS STLD BALL AA X "
        "GOLD BHP RIO VALE XLB VAW GDX GDXJ XME"
    ),
    "utilities": (
        "NEE DUK SO D AEP EXC SRE XEL ED PEG WEC ES EIX PCG AWK DTE PPL FE AEE CEG VST NRG XLU VPU"
    ),
    "real estate": (
        "PLD AMT CCI EQIX PSA SPG O WELL DLR SBAC AVB EQR VTR EXR INVH CBRE CSGP VICI XLRE VNQ IYR"
    ),
    "bonds": "TLT IEF IEI SHY BIL SGOV AGG BND LQD HYG JNK TIP MUB EMB BNDX GOVT VCIT VCSH",
    "commodities": "GLD IAU SLV USO UNG DBC PDBC GSG CPER DBA PALL PPLT",
    COINS: "IBIT FBTC GBTC ETHA BITO",
    BROAD: (
        "SPY VOO IVV VTI ITOT QQQ QQQM DIA IWM IWB MDY IJH IJR RSP VT ACWI VEA EFA IEFA VWO EEM "
        "IEMG VXUS VUG VTV IWF IWD SCHD VIG VYM USMV MTUM QUAL"
    ),
}

SECTORS: Mapping[str, str] = {
    symbol: sector for sector, symbols in _BY_SECTOR.items() for symbol in symbols.split()
}


def sector_of(symbol: str, overrides: Mapping[str, str]) -> str | None:
    """The sector of `symbol` or `BROAD`, from `overrides` or else from the table; None where it is
    unknown."""
    if symbol in overrides:
        return overrides[symbol]
    return COINS if asset_class(symbol) is AssetClass.CRYPTO else SECTORS.get(symbol)
